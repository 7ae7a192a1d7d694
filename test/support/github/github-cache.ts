import { randomUUID } from 'node:crypto';
import { type CacheService, type CacheServiceOptions, startCacheService } from './cache-service.ts';

/** GitHub's cache, empty at first. */
export interface GitHubCache {
  readonly service: CacheService;
  /** The variables by which the runner gives it to actions. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a cache service whose blobs are in a blob store that others use too. `service.stop()` ends it. */
export async function startGitHubCache({ signedUrl }: CacheServiceOptions): Promise<GitHubCache> {
  const salt = randomUUID();
  const service = await startCacheService({
    signedUrl: (blob, permissions) => signedUrl(`${salt}-${blob}`, permissions),
  });
  const env = {
    ACTIONS_CACHE_SERVICE_V2: 'True',
    ACTIONS_RESULTS_URL: service.url,
    ACTIONS_RUNTIME_TOKEN: 'token',
  };
  return { service, env };
}
