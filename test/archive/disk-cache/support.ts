import { lstatSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { claimNames, framePath, inodeText } from '../../../src/archive/disk-cache/frame-files.ts';
import { findFrames } from '../../../src/archive/disk-cache/opened-directory.ts';
import { sha256 } from '../../../src/archive/format/codec.ts';
import type { Claim, FrameKey, OpenedDirectory } from '../../../src/archive/messages/disk-job.ts';
import { failed } from '../../support/file-system-calls.ts';
import { incompressible } from '../../support/random.ts';

export interface TestFrame extends FrameKey {
  readonly bytes: Buffer;
}

export function makeFrame(name: string, size = 1000): TestFrame {
  const bytes = incompressible(size, name);
  return { bytes, size, sha256: sha256(bytes) };
}

/** Puts a frame into the directory as a restore does. Returns its file. */
export function putFrame(directory: string, frame: TestFrame): string {
  const file = framePath(directory, frame);
  writeFileSync(file, frame.bytes);
  return file;
}

/** Opens a directory as a restore does. Throws the system's errors. */
export function openedDirectory(directory: string): OpenedDirectory {
  return findFrames({ kind: 'find', directory, files: [] }).directory;
}

/** Makes a claim by hand. Returns it and its file. */
export function makeClaim(directory: string, frame: FrameKey): { file: string; claim: Claim } {
  const file = claimPath(directory, frame);
  writeFileSync(file, '', { flag: 'wx' });
  return { file, claim: { name: path.basename(file), inode: inodeText(lstatSync(file, { bigint: true }))! } };
}

/** Returns the path of the first claim on a frame, or of the one with this number. */
export function claimPath(directory: string, frame: FrameKey, number = 1): string {
  return path.join(directory, claimNames(frame)[number - 1]!);
}

/** Throws an error of the system. */
export function fail(code: string): never {
  throw failed(code);
}
