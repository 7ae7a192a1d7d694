import { mkdirSync } from 'node:fs';
import { setAttributes } from '../fs/attributes.ts';
import { fsPath } from '../fs/paths/names.ts';
import { RefusedAttributes } from '../fs/refused-attributes.ts';
import { wrapStagedError } from '../fs/tree-errors.ts';
import { type DirectoryJob, type DirectoryResult, readDirectories } from '../messages/directory-job.ts';

/** Makes directories, whose parents exist or are before them, or sets their attributes. Throws `StagedFileError`. */
export function buildDirectories(job: DirectoryJob): DirectoryResult {
  const refused = new RefusedAttributes();
  const { masksModes } = job;
  for (const { path, madeMode, attributes } of readDirectories(job)) {
    wrapStagedError(path, () => {
      if (job.step === 'make') mkdirSync(fsPath(path), madeMode);
      else setAttributes(path, attributes, refused, { knownMode: masksModes ? undefined : madeMode });
    });
  }
  return { refused: refused.counts };
}
