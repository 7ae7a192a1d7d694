/**
 * The sources of this checkout, built as dist/ is. Tests that start threads or phases use this build: Node would strip the
 * types of the sources in each thread with WebAssembly, and a thread that ends while V8 still compiles that can crash the
 * process (nodejs/node#56312).
 *
 * Processes that tests start from the sources share Node's compile cache, which keeps the stripped modules: their start
 * takes 0.2 s of processor time instead of 0.55 s.
 */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { repositoryFile } from '../checkout.ts';
import { buildVariable } from './built-file.ts';

const builds = repositoryFile('node_modules/.cache/cache-s3');
/** A build that no run has used for so long, in ms, is removed. */
const UNUSED_MS = 24 * 60 * 60 * 1000;

/** Builds the sources, unless a run before has built the same ones. The global setup of vitest's projects that start threads or processes. */
export async function setup(): Promise<() => Promise<void>> {
  const directory = path.join(builds, await hashOfSources());
  if (!existsSync(directory)) {
    await fs.mkdir(builds, { recursive: true });
    const unfinished = await fs.mkdtemp(`${directory}.`);
    await fs.chmod(unfinished, 0o755);
    await promisify(execFile)(process.execPath, [repositoryFile('scripts/build.mjs'), unfinished]);
    // Another run may have built it meanwhile
    await fs.rename(unfinished, directory).catch(() => fs.rm(unfinished, { recursive: true, force: true }));
  }
  await fs.utimes(directory, new Date(), new Date());
  process.env[buildVariable] = directory;
  await removeUnused();
  return shareCompileCache();
}

/** Makes the compile cache of this run, unless there is one. Returns a function that removes it. */
async function shareCompileCache(): Promise<() => Promise<void>> {
  if (process.env.NODE_COMPILE_CACHE !== undefined) return async () => {};
  const directory = await fs.mkdtemp(path.join(tmpdir(), 'cache-s3-compiled-'));
  // Each user has a directory of its own in it
  await fs.chmod(directory, 0o1777);
  process.env.NODE_COMPILE_CACHE = directory;
  // A process that has just ended may still write to it
  return () => fs.rm(directory, { recursive: true, force: true, maxRetries: 5 }).catch(() => {});
}

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256');
  for (const root of ['src', 'scripts', 'package.json', 'package-lock.json']) {
    for await (const file of fs.glob([root, `${root}/**/*.*`], { cwd: repositoryFile('.') })) {
      const status = await fs.stat(repositoryFile(file));
      if (status.isFile()) hash.update(`${file}\0`).update(await fs.readFile(repositoryFile(file)));
    }
  }
  return hash.digest('hex');
}

async function removeUnused(): Promise<void> {
  for (const name of await fs.readdir(builds)) {
    const directory = path.join(builds, name);
    const status = await fs.stat(directory).catch(() => undefined);
    if (status && Date.now() - status.mtimeMs > UNUSED_MS)
      await fs.rm(directory, { recursive: true, force: true });
  }
}
