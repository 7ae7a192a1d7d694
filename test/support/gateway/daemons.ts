/** Faults of a gateway's daemons. The gateway must not be shared. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type GatewayInfo, waitForGateway } from './gateway.ts';

/** A radosgw that was killed and can be started again with the same arguments. */
export interface KilledGateway {
  /** Resolves when it responds again. */
  restart(): Promise<void>;
}

/** Sends SIGKILL to radosgw. */
export async function killGateway({ endpoint, pids }: GatewayInfo): Promise<KilledGateway> {
  const read = async (name: string) =>
    (await readFile(`/proc/${pids.rgw}/${name}`, 'utf8')).split('\0').filter(part => part !== '');
  const [command = '', ...args] = await read('cmdline');
  const env = Object.fromEntries((await read('environ')).map(pair => splitPair(pair)));
  process.kill(pids.rgw, 'SIGKILL');
  return {
    async restart() {
      // The command returns when the daemon is ready
      const [code] = (await once(spawn(command, args, { env, stdio: 'ignore' }), 'exit')) as [number | null];
      if (code !== 0) throw new Error(`the gateway did not start again: exit ${code}`);
      await waitForGateway(endpoint);
    },
  };
}

/** Changes a setting of the running gateway, by its admin socket. */
export async function configureGateway(
  { directory }: GatewayInfo,
  setting: string,
  value: string,
): Promise<void> {
  const socket = path.join(directory, 'run/client.rgw.a.asok');
  const tool = path.join(directory, 'ceph');
  await promisify(execFile)(tool, ['--admin-daemon', socket, 'config', 'set', setting, value]);
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), pair.slice(at + 1)];
}
