import { chmodSync, chownSync, lstatSync, mkdirSync, utimesSync } from 'node:fs';
import { fsPath } from '../fs/paths/names.ts';
import { thisPlatform } from '../fs/platform.ts';
import { modeWithoutOwner, RefusedAttributes } from '../fs/refused-attributes.ts';
import { wrapStagedError } from '../fs/tree-errors.ts';
import {
  type DirectoryJob,
  type DirectoryResult,
  type JobDirectory,
  readDirectories,
} from '../messages/directory-job.ts';
import { isOthers } from './unpack-frames.ts';

/** Makes directories, whose parents exist or come before them, or finishes them. Throws `StagedFileError`. */
export function buildDirectories(job: DirectoryJob): DirectoryResult {
  const refused = new RefusedAttributes();
  for (const directory of readDirectories(job)) {
    const { path, madeMode } = directory;
    wrapStagedError(path, () => {
      if (job.step === 'make') mkdirSync(fsPath(path), madeMode);
      else finishDirectory(directory, job.masksModes, refused);
    });
  }
  return { refused: refused.counts };
}

/**
 * Sets the owner, mode and times of a new directory, as far as they are not those of its creation: these calls take most of
 * the time for a tree of many directories. Counts what the system refuses in `refused`. Throws the system's other errors.
 */
export function finishDirectory(
  { path, madeMode, attributes }: JobDirectory,
  masksModes: boolean,
  refused: RefusedAttributes,
): void {
  const { uid, gid } = attributes;
  let { mode } = attributes;
  const changesOwner = thisPlatform.keepsOwners && isOthers(attributes);
  if (changesOwner && !refused.attempt('owners', () => chownSync(fsPath(path), uid, gid)))
    mode = modeWithoutOwner(mode);
  // mkdir ignores the set-id bits, and a change of owner may clear bits
  const isMade = mode === madeMode && mode <= 0o777 && !masksModes && !changesOwner;
  if (thisPlatform.hasModes && !isMade) refused.attempt('modes', () => chmodSync(fsPath(path), mode));
  refused.attemptTime(
    attributes,
    seconds => utimesSync(fsPath(path), Date.now() / 1000, seconds),
    () => lstatSync(fsPath(path)).mtimeMs,
  );
}
