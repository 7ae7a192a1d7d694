import { existsSync } from 'node:fs';
import { rmdir, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { createTrialName } from '../../cache/keys/trial-names.ts';
import { formatBytes } from '../../report/units.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { MIN_PART_BYTES } from '../../storage/part-size.ts';
import { ObjectExistsError } from '../../storage/store-errors.ts';
import { type FindingReporter, makeCheck } from './finding.ts';
import type { TrialPrefixes } from './trial.ts';

interface DirectoryOptions {
  readonly store: ObjectStore;
  readonly root: string;
  readonly prefixes: TrialPrefixes;
  readonly signal: AbortSignal;
}

/**
 * Checks a directory as the store: whether it can be written, read, listed and cleaned, and the space that is left. Removes the
 * directories that the trial object needed: the jobs may run as another user, who could not write to them.
 */
export async function checkDirectory(options: DirectoryOptions, report: FindingReporter): Promise<void> {
  const missing: string[] = [];
  // On Windows the root of a path may not exist either: it is a drive or a share
  const { root } = path.parse(options.root);
  for (let one = options.root; one !== root && !existsSync(one); one = path.dirname(one)) missing.push(one);
  try {
    await checkStore(options, report);
  } finally {
    for (const one of missing) await rmdir(one).catch(() => {});
  }
}

async function checkStore(options: DirectoryOptions, report: FindingReporter): Promise<void> {
  const { store, root, prefixes, signal } = options;
  const name = createTrialName(prefixes.caches);
  const content = Buffer.from('cache-s3 doctor');
  const attempt = (check: string, work: () => Promise<string>, meaning: string, fix: string) =>
    makeCheck(report, check, work, { result: 'failed', meaning, fix });
  const isUsable = await attempt(
    'directory',
    async () => {
      await store.head(name, { signal });
      const stats = await stat(root).catch(() => undefined);
      return stats ? root : `${root} does not exist; the first save creates it`;
    },
    'no job can use it.',
    'set --endpoint to a directory that this user may enter.',
  );
  if (!isUsable) return;
  const put = async () => {
    const upload = store.createUpload(name, { partSizeBytes: MIN_PART_BYTES, onlyIfAbsent: true, signal });
    await upload.write(Uint8Array.from(content));
    await upload.complete();
  };
  const user = process.getuid ? `the user with the id ${process.getuid()}` : 'this user';
  const notSaved = {
    result: 'failed',
    meaning: 'jobs of this user cannot save caches.',
    fix: `give ${user} the right to write to ${root}, or set another --endpoint.`,
  } as const;
  const write = async () => {
    await put();
    return `${content.length} bytes`;
  };
  const isWritten = await makeCheck(report, 'write', write, notSaved);
  if (!isWritten) return;
  try {
    const allowReads = `give ${user} the right to read ${root}.`;
    await attempt(
      'read',
      async () => {
        const range = await store.getRange(name, { suffix: 6 }, { signal });
        if (Buffer.from(range?.bytes ?? []).toString() !== 'doctor') throw new Error('other bytes were read');
        return 'a range of the trial object';
      },
      'jobs cannot restore caches.',
      allowReads,
    );
    await attempt(
      'list',
      async () => {
        for await (const object of store.list(name, { signal })) return `found ${object.name}`;
        throw new Error('the trial object is not listed');
      },
      'restore-keys find nothing, and this command lists nothing.',
      allowReads,
    );
    const replace = async () => {
      const failure = await put().catch((error: unknown) => error);
      if (failure instanceof ObjectExistsError) return 'an object is not replaced';
      if (failure !== undefined) throw failure;
      return {
        result: 'limited',
        found: 'An object was replaced.',
        meaning: 'of two jobs that save one key at once, the last one wins, with a whole cache.',
        fix: 'use a file system with hard links.',
      } as const;
    };
    await makeCheck(report, 'conditions', replace, notSaved);
  } finally {
    await attempt(
      'delete',
      async () => {
        await store.delete(name);
        return 'the trial object';
      },
      `the trial object ${name} remains (prune deletes it after a day), and prune cannot delete caches.`,
      `give ${user} the right to delete files in ${root}.`,
    );
  }
  const { bavail, bsize } = await statfs(root);
  report({ check: 'space', result: 'ok', found: `${formatBytes(bavail * bsize)} free` });
}
