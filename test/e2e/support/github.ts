import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type Azurite, startAzurite } from '../../support/azurite.ts';
import { type CacheService, startCacheService } from '../../support/cache-service.ts';
import { gatewayAvailable } from '../../support/gateway.ts';

/** GitHub's cache as the tests of one file have it: empty at the beginning of each test. */
export interface GitHubCache {
  readonly service: CacheService;
  /** What the runner gives to actions, so that they find it. */
  readonly env: Readonly<Record<string, string>>;
}

/** To be called once at the top of a test file, or of a `describe`. */
export function useGitHubCache(): GitHubCache {
  let azurite: Azurite | undefined;
  let service: CacheService;

  beforeAll(async () => {
    if (gatewayAvailable()) azurite = await startAzurite();
  });
  afterAll(() => azurite?.stop());
  beforeEach(async () => {
    if (azurite === undefined) return;
    const { signedUrl } = azurite;
    const salt = crypto.randomUUID();
    service = await startCacheService({ signedUrl: (blob, right) => signedUrl(`${salt}-${blob}`, right) });
  });
  afterEach(() => service?.stop());

  return {
    get service() {
      return service;
    },
    get env() {
      return {
        ACTIONS_CACHE_SERVICE_V2: 'True',
        ACTIONS_RESULTS_URL: service.url,
        ACTIONS_RUNTIME_TOKEN: 'token',
      };
    },
  };
}
