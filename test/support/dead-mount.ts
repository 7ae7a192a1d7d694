import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmdirSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isRoot } from './drop-privileges.ts';
import type { Need } from './platform-needs.ts';

const canMount = isRoot && existsSync('/dev/fuse') && spawnSync('mount', ['--version']).status === 0;

/** A file system that does not respond. */
export const deadMounts: Need = { missing: canMount ? undefined : 'no file system can be mounted' };

const INIT_REPLY_BYTES = 64;

export interface DeadMount {
  /** Returns whether a call hangs in it. */
  isCalled(): boolean;
  unmount(): void;
}

/**
 * Mounts a file system in user space on `directory`: its server accepts the mount and then does not read another request, as
 * the server of a network mount that has died. Each call to it hangs until it is unmounted.
 */
export function mountDead(directory: string): DeadMount {
  const device = openSync('/dev/fuse', 'r+');
  mount(
    ['-i', '-t', 'fuse', 'dead', directory, '-o', 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other'],
    device,
  );
  // linux/fuse.h: a head of 40 bytes, then FUSE_INIT's own; its reply has the same unique id
  const request = Buffer.alloc(65_536);
  readSync(device, request);
  const reply = Buffer.alloc(16 + INIT_REPLY_BYTES);
  reply.writeUInt32LE(reply.length, 0);
  request.copy(reply, 8, 8, 16);
  for (const [index, value] of [7, 31, 65_536, 0].entries()) reply.writeUInt32LE(value, 16 + 4 * index);
  reply.writeUInt32LE(65_536, 16 + 20);
  writeSync(device, reply);
  return {
    isCalled: () => waitingCalls(directory) > 0,
    unmount() {
      spawnSync('umount', ['-l', directory]);
      closeSync(device);
    },
  };
}

function mount(args: readonly string[], device?: number): void {
  const stdio = ['ignore', 'ignore', 'pipe', ...(device === undefined ? [] : [device])] as const;
  const { status, stderr } = spawnSync('mount', args, { stdio: [...stdio], encoding: 'utf8' });
  if (status !== 0) throw new Error(`the mount failed: ${stderr}`);
}

/** Returns the number of calls to a mount that its server has not answered, without a call to it. */
function waitingCalls(directory: string): number {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  // Linux, Documentation/filesystems/proc.rst: number, parent, major:minor, root, mount point
  const [, , device = ''] =
    mounts.map(line => line.split(' ')).find(columns => columns[4] === directory) ?? [];
  const control = mkdtempSync(path.join(tmpdir(), 'cache-s3-fusectl-'));
  mount(['-t', 'fusectl', 'none', control]);
  try {
    // Documentation/filesystems/fuse.rst: the name of a connection is the minor number
    return Number(readFileSync(path.join(control, device.split(':')[1]!, 'waiting'), 'utf8'));
  } finally {
    spawnSync('umount', [control]);
    rmdirSync(control);
  }
}
