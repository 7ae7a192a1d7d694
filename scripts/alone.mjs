// One process at a time, by a lock directory. Plain Node 18 or later, no dependencies.

import * as fs from 'node:fs/promises';
import path from 'node:path';

/** How long a lock without a pid in it is believed to be in the making, in ms. */
const pidDueMs = 5_000;

/** Runs `work` while no other process that names the same directory does. A dead owner's lock counts for nothing. */
export async function alone(lockDirectory, work) {
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
    const made = await fs.stat(lockDirectory).catch(() => undefined);
    return made !== undefined && Date.now() - made.mtimeMs > pidDueMs;
  }
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}
