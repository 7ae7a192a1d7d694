/**
 * The two calls of `aws iam` that a script of `cache-s3 policy` makes, for a gateway: `aws --endpoint-url URL iam CALL
 * --OPTION VALUE...`. The variable GATEWAY has the gateway and the keys of its user as JSON.
 */

import type { GatewayInfo } from './gateway.ts';
import { callIam } from './iam.ts';

const gateway = JSON.parse(process.env.GATEWAY ?? '') as GatewayInfo;
const [, endpoint, iam, call, ...rest] = process.argv.slice(2);
if (endpoint !== gateway.endpoint || iam !== 'iam') throw new Error(`unexpected: ${process.argv.join(' ')}`);

/** The words after each option. */
const options = new Map<string, string[]>();
for (const word of rest) {
  if (word.startsWith('--')) options.set(word, []);
  else [...options.values()].at(-1)?.push(word);
}
const list = (name: string, values: readonly string[] = []) =>
  values.map((value, index): [string, string] => [`${name}.member.${index + 1}`, value]);

if (call === 'get-open-id-connect-provider') {
  const [arn = ''] = options.get('--open-id-connect-provider-arn') ?? [];
  await callIam(gateway, { Action: 'GetOpenIDConnectProvider', OpenIDConnectProviderArn: arn });
} else if (call === 'create-open-id-connect-provider') {
  const [url = ''] = options.get('--url') ?? [];
  await callIam(gateway, {
    Action: 'CreateOpenIDConnectProvider',
    Url: url,
    ...Object.fromEntries(list('ClientIDList', options.get('--client-id-list'))),
    ...Object.fromEntries(list('ThumbprintList', options.get('--thumbprint-list'))),
  });
} else {
  throw new Error(`unexpected call: ${call}`);
}
