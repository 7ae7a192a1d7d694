/**
 * The calls of `aws` that a script of `cache-s3 policy` makes, for a gateway: `aws --endpoint-url URL SERVICE CALL --OPTION
 * VALUE...`. The variable GATEWAY has the gateway and the keys of its user as JSON.
 */

import { GetBucketAclCommand, GetBucketPolicyCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { s3Client } from './bucket.ts';
import type { GatewayInfo } from './gateway.ts';
import { callIam } from './iam.ts';

const gateway = JSON.parse(process.env.GATEWAY ?? '') as GatewayInfo;
const [, endpoint, service, call, ...rest] = process.argv.slice(2);
if (endpoint !== gateway.endpoint) throw new Error(`unexpected: ${process.argv.join(' ')}`);

/** The words after each option. */
const options = new Map<string, string[]>();
for (const word of rest) {
  if (word.startsWith('--')) options.set(word, []);
  else [...options.values()].at(-1)?.push(word);
}
const list = (name: string, values: readonly string[] = []) =>
  values.map((value, index): [string, string] => [`${name}.member.${index + 1}`, value]);

const option = (name: string) => options.get(name)?.[0] ?? '';
const provider = { OpenIDConnectProviderArn: option('--open-id-connect-provider-arn') };
const Bucket = option('--bucket');

/** The members of a list in a response, as `--query LIST --output text` prints them. */
function members(xml: string, list: string): string {
  const [, inside = ''] = new RegExp(`<${list}>(.*)</${list}>`, 's').exec(xml) ?? [];
  return [...inside.matchAll(/<member>([^<]*)<\/member>/g)].map(match => match[1]).join('\t');
}

const calls: Readonly<Record<string, () => Promise<unknown>>> = {
  'iam get-open-id-connect-provider': async () =>
    members(await callIam(gateway, { Action: 'GetOpenIDConnectProvider', ...provider }), option('--query')),
  'iam delete-open-id-connect-provider': async () => {
    await callIam(gateway, { Action: 'DeleteOpenIDConnectProvider', ...provider });
  },
  'iam create-open-id-connect-provider': async () => {
    await callIam(gateway, {
      Action: 'CreateOpenIDConnectProvider',
      Url: option('--url'),
      ...Object.fromEntries(list('ClientIDList', options.get('--client-id-list'))),
      ...Object.fromEntries(list('ThumbprintList', options.get('--thumbprint-list'))),
    });
  },
  's3api get-bucket-acl': async () => (await client.send(new GetBucketAclCommand({ Bucket }))).Owner?.ID,
  's3api get-bucket-policy': async () => (await client.send(new GetBucketPolicyCommand({ Bucket }))).Policy,
  's3api put-bucket-policy': async () => {
    await client.send(new PutBucketPolicyCommand({ Bucket, Policy: option('--policy') }));
  },
};

const client = s3Client(gateway, gateway);
const run = calls[`${service} ${call}`];
if (run === undefined) throw new Error(`unexpected call: ${service} ${call}`);
try {
  const printed = await run();
  if (printed !== undefined) console.log(printed);
} catch (error) {
  // The words of the program, which the script reads
  console.error(`An error occurred (${(error as Error).name}) when calling the operation: ${error}`);
  process.exitCode = 254;
} finally {
  client.destroy();
}
