import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readSync, writeSync } from 'node:fs';
import { isRoot } from './drop-privileges.ts';

/** Whether a file system can be mounted that does not respond. */
export const canMount = isRoot && existsSync('/dev/fuse') && spawnSync('mount', ['--version']).status === 0;

const INIT_REPLY_BYTES = 64;

/**
 * Mounts a file system in user space on `directory`: its server accepts the mount and then does not read another request, as
 * the server of a network mount that has died. Each call to it hangs until the returned function is called.
 */
export function mountDead(directory: string): () => void {
  const device = openSync('/dev/fuse', 'r+');
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other';
  const { status, stderr } = spawnSync('mount', ['-i', '-t', 'fuse', 'dead', directory, '-o', options], {
    stdio: ['ignore', 'ignore', 'pipe', device],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the mount failed: ${stderr}`);
  // linux/fuse.h: a head of 40 bytes, then FUSE_INIT's own; its reply has the same unique id
  const request = Buffer.alloc(65_536);
  readSync(device, request);
  const reply = Buffer.alloc(16 + INIT_REPLY_BYTES);
  reply.writeUInt32LE(reply.length, 0);
  request.copy(reply, 8, 8, 16);
  for (const [index, value] of [7, 31, 65_536, 0].entries()) reply.writeUInt32LE(value, 16 + 4 * index);
  reply.writeUInt32LE(65_536, 16 + 20);
  writeSync(device, reply);
  return () => {
    spawnSync('umount', ['-l', directory]);
    closeSync(device);
  };
}
