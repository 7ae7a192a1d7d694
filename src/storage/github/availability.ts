/**
 * Returns one sentence on what this runner lacks for GitHub's cache, by the environment that it sets for actions.
 * Returns undefined if the cache is available. The rules are those of `@actions/cache` 6.3.0 (lib/internal/config.js),
 * and the token, without which the service refuses every request.
 */
export function unavailableReason(env: Readonly<NodeJS.ProcessEnv>): string | undefined {
  const address = serviceVersion(env) === 'v2' ? 'ACTIONS_RESULTS_URL' : 'ACTIONS_CACHE_URL';
  const missing = [address, 'ACTIONS_RUNTIME_TOKEN'].filter(name => !env[name]);
  if (missing.length === 0) return undefined;
  return `GitHub's cache is not available on this runner: it sets no ${missing.join(' and no ')}`;
}

/** Returns the version of the service. GitHub Enterprise Server has only the first one and ignores the feature flag. */
function serviceVersion(env: Readonly<NodeJS.ProcessEnv>): 'v1' | 'v2' {
  const server = env.GITHUB_SERVER_URL || 'https://github.com';
  const host = URL.canParse(server) ? new URL(server).hostname.toLowerCase() : '';
  const hosted = host === 'github.com' || host.endsWith('.ghe.com') || host.endsWith('.localhost');
  return hosted && env.ACTIONS_CACHE_SERVICE_V2 ? 'v2' : 'v1';
}
