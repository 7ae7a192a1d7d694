import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { gatewayAvailable } from '../gateway/shared-gateway.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { type GitHubCache, startGitHubCache } from './github-cache.ts';

/** Gives each test of a file, or of a `describe`, an empty GitHub cache. Call it once at the top. */
export function useGitHubCache(): GitHubCache {
  let azurite: Azurite | undefined;
  let cache: GitHubCache | undefined;

  beforeAll(async () => {
    if (gatewayAvailable()) azurite = await startAzurite();
  });
  afterAll(() => azurite?.stop());
  beforeEach(async () => {
    cache = azurite && (await startGitHubCache(azurite));
  });
  afterEach(() => cache?.service.stop());

  return {
    get service() {
      return cache!.service;
    },
    get env() {
      return cache!.env;
    },
  };
}
