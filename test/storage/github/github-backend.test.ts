import { expect, it } from 'vitest';
import { unavailableReason } from '../../../src/storage/github/github-backend.ts';

const v2 = {
  ACTIONS_CACHE_SERVICE_V2: 'True',
  ACTIONS_RESULTS_URL: 'https://x/',
  ACTIONS_RUNTIME_TOKEN: 't',
};
const v1 = { ACTIONS_CACHE_URL: 'https://x/', ACTIONS_RUNTIME_TOKEN: 't' };
const enterprise = { GITHUB_SERVER_URL: 'https://git.example.org' };

it.each<[string, NodeJS.ProcessEnv]>([
  ['version 2 of the service', v2],
  ['version 1 of the service', v1],
  ['version 2 on GHE.com', { ...v2, GITHUB_SERVER_URL: 'https://acme.ghe.com' }],
  ['version 1 on an Enterprise Server', { ...v1, ...enterprise }],
])("GitHub's cache is available on a runner with %s", (_, env) => {
  expect(unavailableReason(env)).toBeUndefined();
});

it.each<[string, NodeJS.ProcessEnv, string]>([
  ['an Enterprise Server with only the flag of version 2', { ...v2, ...enterprise }, 'ACTIONS_CACHE_URL'],
  ['no token', { ...v2, ACTIONS_RUNTIME_TOKEN: '' }, 'ACTIONS_RUNTIME_TOKEN'],
  ['the flag of version 2 but no address', { ...v1, ACTIONS_CACHE_SERVICE_V2: '1' }, 'ACTIONS_RESULTS_URL'],
  ['no variable', {}, 'ACTIONS_CACHE_URL and no ACTIONS_RUNTIME_TOKEN'],
])("GitHub's cache is not available on a runner with %s", (_, env, missing) => {
  expect(unavailableReason(env)).toBe(
    `GitHub's cache is not available on this runner: it sets no ${missing}`,
  );
});
