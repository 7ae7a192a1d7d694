import { expect, test } from 'vitest';
import { createOpener, type OpenOptions } from '../../../src/action/backend/open-backend.ts';
import type { Target } from '../../../src/action/inputs/target.ts';
import type { LookupRequest } from '../../../src/storage/backend.ts';
import { NameTooLongError } from '../../../src/storage/store-errors.ts';
import { createS3Settings } from '../../storage/s3/support.ts';
import { recordingLog } from '../../support/requests.ts';
import { scratch } from '../../support/scratch.ts';
import { silentLog } from '../../support/silent-log.ts';
import { noRecords } from '../support.ts';

/** A request for a key that no cache has. */
const request: LookupRequest = {
  primaryKey: 'k',
  restoreKeys: [],
  paths: ['node_modules'],
  crossOs: false,
  version: 'v',
  markerName: name => `used/${name}`,
  places: [
    {
      label: 'repository',
      objectName: key => key,
      listPrefix: key => key,
      root: '',
      parse: () => undefined,
    },
  ],
};

function open(target: Target, options: Partial<OpenOptions> = {}, log = silentLog) {
  const opener = createOpener({ env: {}, log, mask() {}, records: noRecords });
  const progress = { add() {}, expect() {}, end() {} };
  return opener(target, { useFallback: false, bucketWasDown: false, progress, ...options });
}

test('without a bucket the backend is that of GitHub, whose service this environment does not have', async () => {
  const backend = await open({ kind: 'github', ignored: [] });
  expect(await backend.lookup(request)).toMatchObject({ kind: 'unavailable', source: 'github' });
});

test('a directory is a backend without a request', async () => {
  const backend = await open({ kind: 'directory', root: scratch() });
  expect(backend.counters.requests).toBe(0);
  expect(await backend.lookup(request)).toMatchObject({ kind: 'miss' });
  backend.close();
});

test('a server is a backend that sends no request before its first use', async () => {
  const settings = createS3Settings({ endpoint: new URL('http://127.0.0.1:1') });
  const backend = await open({ kind: 's3', settings });
  expect(backend.counters).toEqual({ requests: 0, retries: 0 });
  backend.close();
});

test.each([
  [
    'true',
    [
      "info: GitHub's cache is not available on this runner: it sets no ACTIONS_CACHE_URL and no ACTIONS_RUNTIME_TOKEN.",
    ],
  ],
  ['false', []],
])(
  "with fallback %s and no cache of GitHub's, the outcome of a key that a directory cannot store is the directory's",
  async (useFallback, lines) => {
    const log = recordingLog();
    const options = { useFallback: useFallback === 'true' };
    const backend = await open({ kind: 'directory', root: scratch() }, options, log);
    const objectName = () => {
      throw new NameTooLongError('it has 2000 bytes');
    };
    const place = { ...request.places[0]!, objectName };
    const outcome = await backend.lookup({ ...request, places: [place] });
    expect(outcome).toMatchObject({ kind: 'refused', source: 'directory' });
    expect(log.lines).toEqual(lines);
  },
);
