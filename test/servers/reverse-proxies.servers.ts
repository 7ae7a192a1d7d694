import { describe } from 'vitest';
import { startNginx } from '../support/servers/nginx.ts';
import { behind, testFailingProxy, testWorkingProxy } from './behind.ts';
import { UNLIMITED, withNginx } from './proxies.ts';

/** The built action behind nginx: what a user sees of each reverse proxy, from the first restore to an incremental save. */

const ERROR_PAGES = `proxy_intercept_errors on; error_page 404 /404.html; error_page 403 /403.html; error_page 412 /412.html;
  error_page 500 502 503 504 /500.html; }
  location = /404.html { internal; return 404 '<html>not found</html>'; }
  location = /403.html { internal; return 403 '<html>forbidden</html>'; }
  location = /412.html { internal; return 412 '<html>precondition</html>'; }
  location = /500.html { internal; return 500 '<html>failed</html>';`;
const APP_PAGE = `proxy_intercept_errors on; error_page 404 =200 /index.html; }
  location = /index.html { internal; default_type text/html; return 200 '<html>app</html>';`;
const FIVE_A_SECOND = 'limit_req_zone $binary_remote_addr zone=r:1m rate=5r/s;';

/** Settings of the location, and of the http block. */
type ProxySettings = [title: string, location: string, shared?: string];

const transparent: readonly ProxySettings[] = [
  [
    'that speaks HTTP/1.1 and does not buffer',
    `${UNLIMITED} proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off; proxy_buffering off;`,
  ],
  ['that closes connections after 3 requests', `${UNLIMITED} keepalive_timeout 1s; keepalive_requests 3;`],
  [
    'that compresses',
    `${UNLIMITED} gzip on; gzip_types *; gzip_proxied any; gzip_min_length 1; gzip_vary on;`,
  ],
  [
    'that admits 2 connections',
    `${UNLIMITED} limit_conn c 2;`,
    'limit_conn_zone $binary_remote_addr zone=c:1m;',
  ],
  ['that answers 503 above 5 requests a second', `${UNLIMITED} limit_req zone=r;`, FIVE_A_SECOND],
  [
    'that answers 429 above 5 requests a second',
    `${UNLIMITED} limit_req zone=r; limit_req_status 429;`,
    FIVE_A_SECOND,
  ],
  ['with error pages of its own', `${UNLIMITED} ${ERROR_PAGES}`],
  ['that refuses DELETE', `${UNLIMITED} if ($request_method = DELETE) { return 405; }`],
];

/** With the message that names the cause. */
const broken: readonly [title: string, message: RegExp, location: string, shared?: string][] = [
  [
    'with its limit of 1 MB',
    /refuses a body of 5242880 bytes as too large \(413\); nginx: client_max_body_size/,
    '',
  ],
  [
    'that removes ETag',
    /the response has no ETag; the server or a proxy in front does not send it/,
    `${UNLIMITED} proxy_hide_header ETag;`,
  ],
  [
    'that rewrites bodies',
    /the response has no ETag; the server or a proxy in front does not send it/,
    `${UNLIMITED} sub_filter_types *; sub_filter 'zzzzzzzzzzzzzzzz' 'y'; sub_filter_once off;`,
  ],
  [
    'with a login page',
    /check the input 'endpoint': .*the response is a web page/,
    "default_type text/html; return 200 '<html><body>Please log in</body></html>';",
  ],
  [
    'that answers 404 with the page of an app',
    /check the input 'endpoint': .*the response is a web page/,
    `${UNLIMITED} ${APP_PAGE}`,
  ],
  [
    'that removes Range',
    /a proxy changes signed headers \(Host, Range, If-\*\)/,
    `${UNLIMITED} proxy_force_ranges off; max_ranges 0; proxy_set_header Range "";`,
  ],
  [
    'that removes conditions',
    /a proxy changes signed headers \(Host, Range, If-\*\)/,
    `${UNLIMITED} proxy_set_header If-None-Match ""; proxy_set_header If-Match "";`,
  ],
  [
    'that caches',
    /a proxy changes signed headers \(Host, Range, If-\*\)/,
    `${UNLIMITED} proxy_cache k; proxy_cache_valid any 1m; proxy_cache_methods GET HEAD;`,
    'proxy_cache_path cache keys_zone=k:1m;',
  ],
  [
    'without a server behind it',
    /the call failed \(GetObject: 502\)/,
    'if ($request_method) { return 502; }',
  ],
];

describe.each(transparent)('the action behind nginx %s', withNginx, (_, location, shared) => {
  testWorkingProxy(behind(target => startNginx(target, location, shared)));
});

describe.each(broken)('the action behind nginx %s', withNginx, (_, message, location, shared) => {
  testFailingProxy(
    behind(target => startNginx(target, location, shared)),
    message,
  );
});
