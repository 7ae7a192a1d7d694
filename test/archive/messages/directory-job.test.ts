import { expect, test } from 'vitest';
import { encodeDirectoryJob, readDirectories } from '../../../src/archive/messages/directory-job.ts';

test('a worker reads the directories that the main thread wrote into a directory job', () => {
  const directories = ['/staging/a', '/staging/a/b\udcff'].map((path, index) => ({
    path,
    madeMode: 0o700 + index,
    attributes: {
      mode: 0o1750 + index,
      mtimeUs: 2 ** 52 - 1 - index,
      mtimeRestNs: 999,
      uid: -1,
      gid: 7 + index,
    },
  }));
  const job = structuredClone(encodeDirectoryJob('finish', directories, true));
  expect(job).toMatchObject({ kind: 'directories', step: 'finish', masksModes: true });
  expect([...readDirectories(job)]).toEqual(directories);
});
