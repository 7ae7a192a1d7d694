/**
 * Whether this runner offers GitHub's cache at all, told from the environment that it gives to actions. The same
 * rules as `@actions/cache` 6.3.0 (lib/internal/config.js), plus the token, without which it asks and is refused.
 *
 * @returns one sentence on what is missing; undefined: it is available.
 */
export function whyUnavailable(env: NodeJS.ProcessEnv): string | undefined {
  const version = serviceVersion(env);
  const address = version === 'v2' ? 'ACTIONS_RESULTS_URL' : 'ACTIONS_CACHE_URL';
  const missing = [address, 'ACTIONS_RUNTIME_TOKEN'].filter(name => !env[name]);
  if (missing.length === 0) return undefined;
  return `GitHub's cache is not available on this runner: it sets no ${missing.join(' and no ')}`;
}

/** GitHub Enterprise Server knows only the first version of the service, whatever the feature flag says. */
function serviceVersion(env: NodeJS.ProcessEnv): 'v1' | 'v2' {
  const server = env.GITHUB_SERVER_URL || 'https://github.com';
  const host = URL.canParse(server) ? new URL(server).hostname.toLowerCase() : '';
  const hosted = host === 'github.com' || host.endsWith('.ghe.com') || host.endsWith('.localhost');
  return hosted && env.ACTIONS_CACHE_SERVICE_V2 ? 'v2' : 'v1';
}
