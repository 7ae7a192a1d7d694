/** Calls of the IAM that radosgw serves at its own endpoint, for what radosgw-admin cannot do. */

import { createHash, createHmac } from 'node:crypto';
import type { GatewayInfo } from './gateway.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/**
 * Calls an action as the gateway's first user, who needs the capability for it (`radosgw-admin caps add`). Throws for any
 * status but 200. The request is signed by hand (AWS Signature Version 4): the SDK's client for IAM is no dependency.
 */
export async function callIam(
  { endpoint, region, accessKey, secretKey }: GatewayInfo,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const body = new URLSearchParams({ ...parameters, Version: '2010-05-08' }).toString();
  const { host } = new URL(endpoint);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const day = time.slice(0, 8);
  const names = 'content-type;host;x-amz-date';
  const type = 'application/x-www-form-urlencoded';
  const headers = `content-type:${type}\nhost:${host}\nx-amz-date:${time}\n`;
  const request = ['POST', '/', '', headers, names, sha256(body)].join('\n');
  const scope = `${day}/${region}/iam/aws4_request`;
  const key = [day, region, 'iam', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secretKey}`);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', time, scope, sha256(request)].join('\n')).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': type, 'x-amz-date': time, authorization },
    body,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${parameters.Action}: ${response.status} ${text}`);
  return text;
}
