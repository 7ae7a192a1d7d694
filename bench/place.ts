import { statfsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BenchError } from './bench-error.ts';
import type { PlaceName } from './options.ts';

/** The directories of trees and temporary files during a measurement. */
export interface Place {
  readonly name: PlaceName;
  readonly workspace: string;
  readonly temp: string;
  remove(): Promise<void>;
}

/** linux/magic.h */
const tmpfsMagic = 0x01021994;

/** Makes empty directories in memory (/dev/shm, or CACHE_S3_BENCH_TMPFS) or on a disk (TMPDIR). */
export async function openPlace(name: PlaceName): Promise<Place> {
  const parent = name === 'tmpfs' ? (process.env.CACHE_S3_BENCH_TMPFS ?? '/dev/shm') : tmpdir();
  checkFileSystem(parent, name);
  const root = await fs.mkdtemp(path.join(parent, 'cache-s3-bench-'));
  const workspace = path.join(root, 'workspace');
  const temp = path.join(root, 'temp');
  await fs.mkdir(workspace);
  await fs.mkdir(temp);
  return { name, workspace, temp, remove: () => fs.rm(root, { recursive: true, force: true }) };
}

function checkFileSystem(directory: string, name: PlaceName): void {
  const inMemory = statfsSync(directory).type === tmpfsMagic;
  if (inMemory === (name === 'tmpfs')) return;
  throw new BenchError(
    inMemory
      ? `--where disk needs a disk, but ${directory} is a tmpfs: set TMPDIR to a directory on a disk.`
      : `--where tmpfs needs memory, but ${directory} is on a disk: set CACHE_S3_BENCH_TMPFS to a tmpfs.`,
  );
}
