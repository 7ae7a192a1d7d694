/**
 * Returns whether requests to a host bypass the proxy by the variable NO_PROXY. As in curl (8.x, `Curl_check_noproxy`), a name also
 * covers its subdomains, with or without a leading dot, and `*` covers all. As in @actions/http-client, an entry may have a port.
 * Node 24.21 covers subdomains only with a leading dot.
 * @param hostname without brackets.
 */
export function bypassesProxy(noProxy: string, hostname: string, port: number): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some(entry => entry === '*' || covers(entry, host, port));
}

function covers(entry: string, host: string, port: number): boolean {
  const [, bracketed, plain, ownPort] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(entry) ?? [];
  if (ownPort !== undefined && Number(ownPort) !== port) return false;
  // More than one colon means an IPv6 address without brackets and port
  const name = bracketed ?? (plain ?? entry).replace(/^\*?\./, '').replace(/\.$/, '');
  return name !== '' && (host === name || host.endsWith(`.${name}`));
}
