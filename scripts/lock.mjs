// A lock between processes: a directory. Runs on Node 18 or later, without dependencies.

import * as fs from 'node:fs/promises';
import path from 'node:path';

/** Time until a new lock must hold its owner's pid, in ms. */
const PID_DUE_MS = 5_000;

/** Waits for the lock, then runs `work` and returns its result. Removes the lock of a process that has ended. */
export async function withLock(lockDirectory, work) {
  for (;;) {
    try {
      await fs.mkdir(lockDirectory);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (await isAbandoned(lockDirectory)) await fs.rm(lockDirectory, { recursive: true, force: true });
      else await new Promise(resolve => setTimeout(resolve, 200));
    }
  }
  try {
    await fs.writeFile(path.join(lockDirectory, 'pid'), String(process.pid));
    return await work();
  } finally {
    await fs.rm(lockDirectory, { recursive: true, force: true });
  }
}

async function isAbandoned(lockDirectory) {
  const pid = Number(await fs.readFile(path.join(lockDirectory, 'pid'), 'utf8').catch(() => 0));
  if (!pid) {
    const status = await fs.stat(lockDirectory).catch(() => undefined);
    return status !== undefined && Date.now() - status.mtimeMs > PID_DUE_MS;
  }
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}
