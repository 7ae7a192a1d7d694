import { expect, it } from 'vitest';
import { whyUnavailable } from '../../../src/storage/github/availability.ts';

const v2 = {
  ACTIONS_CACHE_SERVICE_V2: 'True',
  ACTIONS_RESULTS_URL: 'https://x/',
  ACTIONS_RUNTIME_TOKEN: 't',
};
const v1 = { ACTIONS_CACHE_URL: 'https://x/', ACTIONS_RUNTIME_TOKEN: 't' };
const enterprise = { GITHUB_SERVER_URL: 'https://git.example.org' };
const none = "GitHub's cache is not available on this runner: it sets no";

it.each<[string, NodeJS.ProcessEnv, string | undefined]>([
  ['the second service', v2, undefined],
  ['the first service', v1, undefined],
  ['GHE.com', { ...v2, GITHUB_SERVER_URL: 'https://acme.ghe.com' }, undefined],
  ['an Enterprise Server with the first service', { ...v1, ...enterprise }, undefined],
  [
    'an Enterprise Server with the flag of the second only',
    { ...v2, ...enterprise },
    `${none} ACTIONS_CACHE_URL`,
  ],
  ['no token', { ...v2, ACTIONS_RUNTIME_TOKEN: '' }, `${none} ACTIONS_RUNTIME_TOKEN`],
  ['the flag without an address', { ...v1, ACTIONS_CACHE_SERVICE_V2: '1' }, `${none} ACTIONS_RESULTS_URL`],
  ['nothing', {}, `${none} ACTIONS_CACHE_URL and no ACTIONS_RUNTIME_TOKEN`],
])('a runner with %s', (_, env, reason) => {
  expect(whyUnavailable(env)).toBe(reason);
});
