/**
 * The one gateway that all tests of a run share. It is started once, by whichever comes first: scripts/test.mjs, or
 * vitest's global setup. It travels to tests and to the processes they start in environment variables.
 */

import { type Gateway, type GatewayInfo, GatewayUnavailableError, startGateway } from './gateway.ts';

/** JSON of `SharedGateway`, for the tests' own use. */
const variable = 'CACHE_S3_TEST_GATEWAY';

export type SharedGateway = { readonly gateway: GatewayInfo } | { readonly unavailable: string };

/** Starts the shared gateway, or says why there is none. With CI=true a gateway that does not start is an error. */
export async function shareGateway(): Promise<Gateway | undefined> {
  try {
    const gateway = await startGateway();
    const { stop: _stop, admin: _admin, ...info } = gateway;
    publish({ gateway: info });
    return gateway;
  } catch (error) {
    if (!(error instanceof GatewayUnavailableError) || process.env.CI === 'true') throw error;
    publish({ unavailable: error.message });
    return undefined;
  }
}

function publish(shared: SharedGateway): void {
  process.env[variable] = JSON.stringify(shared);
  if (!('gateway' in shared)) return;
  const { gateway } = shared;
  Object.assign(process.env, {
    CACHE_S3_TEST_ENDPOINT: gateway.endpoint,
    CACHE_S3_TEST_TLS_ENDPOINT: gateway.tlsEndpoint,
    CACHE_S3_TEST_CA_FILE: gateway.caFile,
    CACHE_S3_TEST_REGION: gateway.region,
    CACHE_S3_TEST_BUCKET: gateway.bucket,
    CACHE_S3_TEST_ACCESS_KEY: gateway.accessKey,
    CACHE_S3_TEST_SECRET_KEY: gateway.secretKey,
  });
}

/** What `shareGateway` found, in any process of the run; undefined where nobody has called it. */
export function sharedGateway(): SharedGateway | undefined {
  const json = process.env[variable];
  return json ? (JSON.parse(json) as SharedGateway) : undefined;
}
