import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StoreRefusedError } from '../../src/storage/store-errors.ts';
import type { Traits } from '../storage/conformance/subject.ts';
import { settingsFor } from '../storage/s3/gateway-store.ts';
import { openStore } from '../storage/s3/support.ts';
import type { BucketAccess } from '../support/gateway/gateway.ts';
import { gateway, newBucket } from '../support/gateway/shared-gateway.ts';
import { type Nginx, startNginx } from '../support/servers/nginx.ts';
import { settingsToCheck } from '../support/settings-to-check.ts';
import { cacheCases } from './cases.ts';
import { UNLIMITED, withNginx } from './proxies.ts';

/** Whether nginx is here, or could be installed. */

/** Settings in which caches are saved and restored: of the location, and of the http block. */
const working: readonly [string, string, string?, Partial<Traits>?][] = [
  ['without a limit on bodies', UNLIMITED],
  ['that passes bodies on as they come', `${UNLIMITED} proxy_request_buffering off; proxy_buffering off;`],
  ['with client_max_body_size 8m', 'client_max_body_size 8m;'],
  [
    'that weakens ETags',
    `${UNLIMITED} proxy_hide_header ETag; add_header ETag 'W/$upstream_http_etag' always;`,
  ],
  ['that drops metadata', `${UNLIMITED} proxy_hide_header x-amz-meta-save-id;`],
  [
    'that sends bodies in chunks',
    `${UNLIMITED} sub_filter_types *; sub_filter_last_modified on; sub_filter 'zzzzzzzzzzzzzzzz' 'y';`,
  ],
  [
    'with 20 requests a second',
    `${UNLIMITED} limit_req zone=r; limit_req_status 429;`,
    'limit_req_zone $binary_remote_addr zone=r:1m rate=20r/s;',
  ],
  ['that refuses HEAD', `${UNLIMITED} if ($request_method = HEAD) { return 405; }`],
];

let bucket: BucketAccess;

beforeAll(async () => {
  bucket = await newBucket('nginx');
});

/** Settings of a store behind nginx, which runs for the tests of one `describe`. */
function behind(location: string, shared?: string) {
  let nginx: Nginx | undefined;
  beforeAll(async () => {
    nginx = await startNginx(new URL(gateway().endpoint).host, location, shared);
  });
  afterAll(async () => {
    await nginx?.[Symbol.asyncDispose]();
  });
  return () => settingsFor(bucket, { endpoint: new URL(nginx!.endpoint) });
}

describe.each(working)('radosgw behind nginx %s', withNginx, (_, location, shared, traits) => {
  cacheCases(behind(location, shared), traits);
});

/** Settings that no client can make up for. The error names the cause. */
const refused: readonly [string, string, number, string, string][] = [
  ['by default', '', 3_000_000, 'the limit on the size of a body', 'client_max_body_size'],
  [
    'that changes Host',
    `${UNLIMITED} proxy_set_header Host backend.internal;`,
    100,
    "the input 'secretKey'",
    'a proxy changes signed headers (Host, Range, If-*)',
  ],
  [
    'that refuses PUT with a page',
    `${UNLIMITED} limit_except GET HEAD { deny all; }`,
    100,
    'the proxy, firewall or web server in front of the bucket',
    'web page',
  ],
  [
    'that redirects to a login page',
    'return 302 https://login.example.com/;',
    100,
    "the input 'endpoint'",
    'it redirects to https://login.example.com',
  ],
];

describe.each(refused)('radosgw behind nginx %s', withNginx, (_, location, sizeBytes, setting, message) => {
  const settings = behind(location);

  test('refuses a save, and the error names the cause', async () => {
    const store = openStore(settings());
    const upload = store.createUpload(`refused ${message}`, {
      partSizeBytes: 5_242_880,
      onlyIfAbsent: true,
    });
    await upload.write(new Uint8Array(sizeBytes));
    const failure = await upload.complete().catch(error => error);
    store.close();
    expect(failure).toBeInstanceOf(StoreRefusedError);
    expect(settingsToCheck(failure)).toBe(setting);
    expect(failure.message).toContain(message);
  });
});
