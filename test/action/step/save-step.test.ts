import { describe, expect, test } from 'vitest';
import { runSave, type SaveGiven } from './support.ts';

const post = (given: SaveGiven = {}) => runSave(true, given);
const saveOnly = (given: SaveGiven = {}) => runSave(false, given);
const skipped = 'info: cache-s3: op=save source=none result=skipped ms=N requests=0 retries=0';
describe('the post phase', () => {
  test('saves after a miss', async () => {
    const { lines, request, backend } = await post();
    expect(lines).toEqual([
      'info: Cache saved with key: npm-1',
      'info: Saved 3 entries, 4.0 kB of files, 1.0 kB stored, in N s (R)',
      'info: cache-s3: op=save source=s3 result=saved bytes=1000 ms=N requests=3 retries=1',
    ]);
    expect(request).toMatchObject({ key: 'npm-1', overwrite: false, place: { label: 'refs/heads/main' } });
    expect(backend.closed).toBe(1);
  });

  test('saves after a partial hit with the restored object as its base', async () => {
    const state = { matchedKey: 'npm-0', source: 's3', base: { name: 'o', etag: 'e' } } as const;
    expect((await post({ state })).request?.base).toEqual({ name: 'o', etag: 'e' });
  });

  test('does not save after an exact hit', async () => {
    const { lines, backend } = await post({ state: { matchedKey: 'npm-1', source: 's3' } });
    expect(lines).toEqual(['info: Cache hit occurred on the primary key npm-1, not saving cache.', skipped]);
    expect(backend.opened).toEqual([]);
  });

  test('saves a key that differs from the matched one only in case', async () => {
    expect((await post({ state: { matchedKey: 'NPM-1', source: 's3' } })).request).toBeDefined();
  });

  test('saves after an exact hit with overwrite', async () => {
    const { request } = await post({
      state: { matchedKey: 'npm-1', source: 's3' },
      inputs: { overwrite: 'true' },
    });
    expect(request?.overwrite).toBe(true);
  });

  test('replaces the damaged object of its own ref after an exact hit in another ref', async () => {
    const name = (await post()).request!.place.objectName('npm-1');
    const exact = { matchedKey: 'npm-1', source: 's3' } as const;
    const damaged = { name, etag: 'e' };
    expect((await post({ state: { ...exact, damaged } })).request).toMatchObject({ damaged });
    const other = await post({ state: { ...exact, damaged: { ...damaged, name: 'o' } } });
    expect(other.request).toBeUndefined();
  });

  test('skips an exact hit beside a damaged object if the key is too long for an object of its own ref', async () => {
    const key = '€'.repeat(400);
    const damaged = { name: 'o', etag: 'e' };
    expect((await post({ state: { key, matchedKey: key, source: 's3', damaged } })).lines).toEqual([
      `info: Cache hit occurred on the primary key ${key}, not saving cache.`,
      skipped,
    ]);
  });

  test('passes on a key that is too long for the name of an object, and skips its exact hit without a bucket', async () => {
    const key = '€'.repeat(400);
    expect((await post({ state: { key } })).lines[0]).toBe(`info: Cache saved with key: ${key}`);
    const state = { key, matchedKey: key, source: 'github' } as const;
    expect((await post({ state, inputs: { bucket: '', endpoint: '' } })).lines).toEqual([
      `info: Cache hit occurred on the primary key ${key}, not saving cache.`,
      skipped,
    ]);
  });

  test('uses the key and paths of the restore', async () => {
    const { request } = await post({ inputs: { key: 'npm-2', path: 'elsewhere' } });
    expect(request).toMatchObject({ key: 'npm-1', paths: ['node_modules'] });
  });

  test('saves an exact hit from GitHub to the bucket alone', async () => {
    const github = { matchedKey: 'npm-1', source: 'github', bucketWasDown: true } as const;
    const { backend, lines } = await post({ state: github });
    expect(backend.opened[0]?.options).toMatchObject({ useFallback: false, bucketWasDown: true });
    expect(lines[0]).toBe('info: Cache saved with key: npm-1');
  });

  describe('without a bucket', () => {
    const inputs = { bucket: '', endpoint: '' };

    test.each([{}, { overwrite: 'true' }])('skips an exact hit (%j)', async more => {
      const { lines } = await post({
        state: { matchedKey: 'npm-1', source: 'github' },
        inputs: { ...inputs, ...more },
      });
      expect(lines).toEqual([
        'info: Cache hit occurred on the primary key npm-1, not saving cache.',
        skipped,
      ]);
    });

    test('save/ names the inputs that have no effect, which the post phase does not repeat', async () => {
      const inputs = { bucket: '' };
      const warning =
        "warning: Input 'bucket' is empty, so GitHub's cache is used and 'endpoint' has no effect: set 'bucket' to use a bucket.";
      expect((await saveOnly({ inputs })).lines).toContain(warning);
      expect((await post({ inputs })).lines).not.toContain(warning);
    });

    test('leaves it to GitHub’s service which runs may write', async () => {
      const event = { GITHUB_EVENT_NAME: 'issue_comment' };
      expect((await post({ env: event })).lines[0]).toMatch(/^info: Cache not saved: the event /);
      expect((await post({ env: event, inputs })).lines[0]).toBe('info: Cache saved with key: npm-1');
    });

    test('obeys ACTIONS_CACHE_MODE', async () => {
      const { lines } = await post({ env: { ACTIONS_CACHE_MODE: 'read' }, inputs });
      expect(lines).toEqual(['info: Cache not saved: ACTIONS_CACHE_MODE is read.', skipped]);
    });
  });

  test('may replace the object that the restore found damaged', async () => {
    const damaged = { name: 'o', etag: 'e' };
    expect((await post({ state: { damaged } })).request?.damaged).toEqual(damaged);
  });

  test.each([
    ['cancelled', true, 'info: Cache not saved: the job was cancelled.'],
    ['failure', false, 'info: Cache not saved: the job failed and save-always is not set.'],
    ['failure', true, 'info: Cache saved with key: npm-1'],
    ['success', false, 'info: Cache saved with key: npm-1'],
    ['', false, 'info: Cache saved with key: npm-1'],
  ])('decides by job status %j and save-always %s', async (status, saveAlways, line) => {
    const { lines } = await post({ state: { saveAlways }, inputs: { 'job-status': status } });
    expect(lines[0]).toBe(line);
  });

  test('skips paths of a restore that did not finish', async () => {
    const { lines, backend } = await post({ state: { finished: false, saveAlways: true } });
    expect(lines).toEqual([
      'info: Cache not saved: the restore did not finish. See the log of the restore step.',
      skipped,
    ]);
    expect(backend.opened).toEqual([]);
  });

  test('skips the save without a state', async () => {
    const { lines, failed } = await post({ state: 'none', inputs: { key: '' } });
    expect(lines).toEqual(['info: Cache not saved: the restore step failed before it read its key.']);
    expect(failed).toBe(false);
  });

  test('logs one line for a denied write and makes no request', async () => {
    const { lines, backend } = await post({ env: { ACTIONS_CACHE_MODE: 'read' } });
    expect(lines).toEqual(['info: Cache not saved: ACTIONS_CACHE_MODE is read.', skipped]);
    expect(backend.opened).toEqual([]);
  });
});

describe('save/', () => {
  test('saves its own inputs', async () => {
    const { request, lines } = await saveOnly({
      inputs: { key: 'venv', path: '.venv', 'compression-level': '9' },
    });
    expect(request).toMatchObject({ key: 'venv', paths: ['.venv'], compressionLevel: 9 });
    expect(lines[0]).toBe('info: Cache saved with key: venv');
  });

  test('passes the level auto on', async () => {
    const { request } = await saveOnly({
      inputs: { key: 'venv', path: '.venv', 'compression-level': 'Auto' },
    });
    expect(request).toMatchObject({ compressionLevel: 'auto' });
  });

  test('stores the repository, ref, commit and run in the manifest', async () => {
    const env = { GITHUB_SHA: '0123abc', GITHUB_RUN_ATTEMPT: '3' };
    expect((await saveOnly({ env })).request?.origin).toEqual({
      repository: 'octo/app',
      ref: 'refs/heads/main',
      sha: '0123abc',
      runId: '42',
      runAttempt: '3',
    });
  });

  test('warns of bad inputs', async () => {
    const { lines, failed, backend } = await saveOnly({ inputs: { key: 'a,b' } });
    expect(lines).toEqual([
      "warning: Cache not saved: Input 'key' has the key 'a,b', but a key cannot contain a comma.",
    ]);
    expect(failed).toBe(false);
    expect(backend.opened).toEqual([]);
  });

  test('names the CACHE_S3 variable of a bad value', async () => {
    const { lines } = await saveOnly({ inputs: {}, env: { CACHE_S3_RETRY: '3' } });
    expect(lines[0]).toMatch(/^warning: Cache not saved: Input 'retry' \(CACHE_S3_RETRY\) is '3', but/);
  });

  test('fails for bad inputs with fail-on-save-error', async () => {
    const { failed } = await saveOnly({ inputs: { key: 'a,b', 'fail-on-save-error': 'true' } });
    expect(failed).toBe(true);
  });

  test('warns of an event without a ref', async () => {
    const { lines } = await saveOnly({ env: { GITHUB_REF: '' } });
    expect(lines[0]).toMatch(/^warning: Event Validation Error: /);
  });
});
