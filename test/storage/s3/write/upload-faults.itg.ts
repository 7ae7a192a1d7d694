import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { ObjectExistsError, StoreUnavailableError } from '../../../../src/storage/store-errors.ts';
import { ANY_NAME } from '../../../support/any-name.ts';
import { putObject } from '../../../support/put-object.ts';
import { type Fault, firstTimes } from '../../../support/servers/fault-proxy.ts';
import { silentLog } from '../../../support/silent-log.ts';
import { MiB } from '../../../support/sizes.ts';
import { faultyBucket } from '../faulty-bucket.ts';
import { settingsFor } from '../gateway-store.ts';

const faulty = faultyBucket('upload-faults');

describe('an upload', () => {
  test.each<[string, Fault]>([
    ['reset', { kind: 'reset', served: false }],
    ['stored, its answer lost', { kind: 'reset', served: true }],
    ['cut', { kind: 'cut-upload', afterBytes: 1_000_000 }],
    ['stalled', { kind: 'stall-upload', afterBytes: 1_000_000 }],
  ])('succeeds although its parts are %s', async (label, fault) => {
    faulty.proxy.rule = firstTimes(3, 'UploadPart', fault);
    const upload = await faulty.begin(faulty.proxied(), `parts ${label}`);
    await upload.complete();
    expect(await faulty.stored(`parts ${label}`)).toBe(true);
  });

  test.each<[string, number, Fault]>([
    ['is lost on its way back', 1, { kind: 'reset', served: true }],
    ['is a silence after the work', 1, { kind: 'stall', afterBytes: 0 }],
    ['breaks off', 1, { kind: 'cut', afterBytes: 10 }],
    ['is a 500 before the work', 2, { kind: 'answer', status: 500 }],
    ['is a reset before the work', 2, { kind: 'reset', served: false }],
  ])(
    'with an answer to Complete that %s is found by its save-id, after %i Complete in all',
    async (label, count, fault) => {
      faulty.proxy.rule = firstTimes(1, 'CompleteMultipartUpload', fault);
      const upload = await faulty.begin(faulty.proxied(), `complete ${label}`);
      await upload.complete();
      expect(await faulty.stored(`complete ${label}`)).toBe(true);
      expect(faulty.operations().filter(operation => operation === 'CompleteMultipartUpload')).toHaveLength(
        count,
      );
      const after = faulty.operations().slice(faulty.operations().indexOf('CompleteMultipartUpload') + 1);
      expect(after[0]).toBe('HeadObject');
    },
  );

  test('succeeds once its Complete is answered, also where reading is not allowed', async () => {
    faulty.proxy.rule = ({ operation }) =>
      operation === 'HeadObject' || operation === 'GetObject' ? { kind: 'answer', status: 403 } : undefined;
    const upload = await faulty.begin(faulty.proxied(), 'write-only', false);
    await upload.complete();
    expect(await faulty.stored('write-only')).toBe(true);
  });

  test('whose Complete is always answered by 500 fails and is aborted', async () => {
    faulty.proxy.rule = ({ operation }) =>
      operation === 'CompleteMultipartUpload' ? { kind: 'answer', status: 500 } : undefined;
    const upload = await faulty.begin(faulty.proxied(), 'never');
    await expect(upload.complete()).rejects.toThrow(StoreUnavailableError);
    expect(faulty.operations().at(-1)).toBe('AbortMultipartUpload');
    expect(await faulty.direct().head('never')).toBeUndefined();
    expect(await faulty.direct().abortStale('never', 0, ANY_NAME)).toBe(0);
  });

  test('recognises its object by the save-id when the response to PutObject is lost', async () => {
    faulty.proxy.rule = firstTimes(1, 'PutObject', { kind: 'reset', served: true });
    await putObject(faulty.proxied(), 'small', 'small', { onlyIfAbsent: true });
    expect(faulty.operations()).toEqual(['HeadObject', 'PutObject', 'PutObject', 'HeadObject']);
  });

  test('fails with ObjectExistsError when another job was faster and its own response was lost', async () => {
    const other = faulty.direct().createUpload('beaten', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
    await other.write(Buffer.from('other'));
    await other.complete();
    faulty.proxy.rule = firstTimes(1, 'PutObject', { kind: 'reset', served: true });
    const upload = faulty.proxied().createUpload('beaten', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
    await upload.write(Buffer.from('mine'));
    await expect(upload.complete()).rejects.toThrow(ObjectExistsError);
  });

  test('that is given up leaves no part, and waits for the response to its abort', async () => {
    faulty.proxy.rule = ({ operation }) =>
      operation === 'UploadPart' ? { kind: 'delay', ms: 50 } : undefined;
    const controller = new AbortController();
    const upload = faulty.proxied().createUpload('given up', {
      partSizeBytes: 5 * MiB,
      onlyIfAbsent: true,
      signal: controller.signal,
    });
    await upload.write(randomBytes(26 * MiB));
    controller.abort(new Error('cancelled'));
    await upload.abort();
    expect(faulty.operations().at(-1)).toBe('AbortMultipartUpload');
    expect(await faulty.direct().abortStale('given up', 0, ANY_NAME)).toBe(0);
  });

  test('to an endpoint that dies sends one short abort', async () => {
    faulty.proxy.rule = ({ operation }) => {
      if (operation === 'UploadPart') return { kind: 'answer', status: 503 };
      return operation === 'AbortMultipartUpload' ? { kind: 'silent' } : undefined;
    };
    const notices: string[] = [];
    const store = faulty.proxied(1, { log: { ...silentLog, notice: line => notices.push(line) } });
    const upload = store.createUpload('dying', { partSizeBytes: 5 * MiB, onlyIfAbsent: true });
    const failure = await upload
      .write(randomBytes(11 * MiB))
      .then(() => upload.complete())
      .catch(error => error);
    expect(failure).toBeInstanceOf(StoreUnavailableError);
    await upload.abort();
    await upload.abort();
    expect(faulty.operations().filter(operation => operation === 'AbortMultipartUpload')).toHaveLength(1);
    expect(notices).toEqual([expect.stringContaining('An unfinished upload of dying could not be removed')]);
    expect(await faulty.direct().abortStale('dying', 0, ANY_NAME)).toBe(1);
  });

  test('to a busy endpoint repeats its abort until it succeeds', async () => {
    let refused = 0;
    faulty.proxy.rule = ({ operation }) => {
      if (operation === 'UploadPart') return { kind: 'answer', status: 503 };
      return operation === 'AbortMultipartUpload' && refused++ < 2
        ? { kind: 'answer', status: 503 }
        : undefined;
    };
    const upload = await faulty.begin(faulty.proxied(3), 'busy');
    await expect(upload.complete()).rejects.toThrow(StoreUnavailableError);
    expect(faulty.operations().filter(operation => operation === 'AbortMultipartUpload')).toHaveLength(3);
    expect(await faulty.direct().abortStale('busy', 0, ANY_NAME)).toBe(0);
  });

  test('of a process that was killed is removed by the sweep', async () => {
    const uploader = `
      import { openStore } from ${JSON.stringify(new URL('../support.ts', import.meta.url).href)};
      const { endpoint, ...settings } = JSON.parse(process.env.SETTINGS);
      const store = openStore({ ...settings, endpoint: new URL(endpoint) });
      const upload = store.createUpload('killed', { partSizeBytes: 5242880, onlyIfAbsent: true });
      await upload.write(new Uint8Array(16 * 1048576));
      console.log('begun');
      setInterval(() => {}, 1000);`;
    const settings = { ...settingsFor(faulty.bucket), attempts: 1 };
    const child = spawn(process.execPath, ['--input-type=module', '--eval', uploader], {
      env: { ...process.env, SETTINGS: JSON.stringify(settings) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const store = faulty.direct();
    expect(await store.head('killed')).toBeUndefined();
    expect(await store.abortStale('killed', 0, ANY_NAME)).toBe(1);
    expect(await store.abortStale('killed', 0, ANY_NAME)).toBe(0);
  });
});
