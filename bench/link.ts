import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { BenchError } from './bench-error.ts';
import type { LinkName } from './options.ts';

/** A network link from the client to the gateway. */
export interface Link {
  readonly name: LinkName;
  /** The command that starts a client at its end of the link. */
  readonly prefix: readonly string[];
  /** A further address of the gateway, for `rgw_frontends`. */
  readonly frontend: string | undefined;
  /** The gateway's endpoint for the client. Undefined if it is the gateway's own. */
  readonly endpoint: string | undefined;
  /** The limit. Undefined if there is none. */
  readonly bitsPerSecond: number | undefined;
  close(): void;
}

export function openLink(name: LinkName): Link {
  return name === 'loopback' ? loopback : shapedLink(name, megabits[name]);
}

const loopback: Link = {
  name: 'loopback',
  prefix: [],
  frontend: undefined,
  endpoint: undefined,
  bitsPerSecond: undefined,
  close() {},
};

/** Limits of the links, in Mbit/s. */
const megabits = { shaped: 1000, slow: 100 } as const;

const spaceName = 'cs3bench-';
const gatewayAddress = '10.99.0.1';
const clientAddress = '10.99.0.2';
/** Any port: no other program uses the address. */
const port = 7995;

/**
 * Opens a link with a limit each way: the client runs in its own network namespace behind a pair of virtual Ethernet devices,
 * both with a token bucket. Needs root and iproute2.
 */
function shapedLink(name: LinkName, mbit: number): Link {
  removeAbandoned();
  const space = `${spaceName}${process.pid}`;
  const outer = `cs3o${process.pid}`.slice(0, 15);
  const inner = `cs3i${process.pid}`.slice(0, 15);
  const inside = (...words: string[]) => ip('netns', 'exec', space, ...words);
  ip('netns', 'add', space);
  try {
    ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', space);
    ip('addr', 'add', `${gatewayAddress}/30`, 'dev', outer);
    ip('link', 'set', outer, 'up');
    inside('ip', 'addr', 'add', `${clientAddress}/30`, 'dev', inner);
    inside('ip', 'link', 'set', inner, 'up');
    inside('ip', 'link', 'set', 'lo', 'up');
    const bucket = ['root', 'tbf', 'rate', `${mbit}mbit`, 'burst', '512k', 'latency', '50ms'];
    run('tc', 'qdisc', 'add', 'dev', outer, ...bucket);
    inside('tc', 'qdisc', 'add', 'dev', inner, ...bucket);
  } catch (error) {
    ip('netns', 'delete', space);
    throw error;
  }
  return {
    name,
    prefix: ['ip', 'netns', 'exec', space],
    frontend: `endpoint=${gatewayAddress}:${port}`,
    endpoint: `http://${gatewayAddress}:${port}`,
    bitsPerSecond: mbit * 1e6,
    // This deletes the devices too
    close: () => ip('netns', 'delete', space),
  };
}

/** Removes the namespaces of killed benches, which use the same addresses. */
function removeAbandoned(): void {
  let names: string[] = [];
  try {
    names = readdirSync('/run/netns').filter(name => name.startsWith(spaceName));
  } catch {
    return; // No namespace was ever made
  }
  for (const name of names) {
    const owner = Number(name.slice(spaceName.length));
    try {
      process.kill(owner, 0);
      throw new BenchError(`Another bench (process ${owner}) uses the shaped link: wait for its end.`);
    } catch (error) {
      if (error instanceof BenchError) throw error;
      ip('netns', 'delete', name);
    }
  }
}

const ip = (...words: string[]) => run('ip', ...words);

function run(program: string, ...words: string[]): void {
  try {
    execFileSync(program, words, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const reason = stderr?.trim().split('\n').at(-1) || message;
    throw new BenchError(
      `A shaped link cannot be made: \`${program} ${words.join(' ')}\` failed with "${reason}". Run as root with iproute2 and network namespaces, or with --link loopback.`,
    );
  }
}
