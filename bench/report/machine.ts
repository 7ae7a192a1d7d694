import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as os from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** Returns lines about the machine and the versions of the programs. */
export function machineLines(gatewayVersion: string): string[] {
  const cpu = os.cpus()[0]?.model ?? 'unknown CPU';
  const gib = Math.round(os.totalmem() / 2 ** 30);
  return [
    `Machine: ${os.availableParallelism()} cores (${cpu}), ${gib} GiB, Linux ${os.release()}; client and gateway share it.`,
    `Node ${process.versions.node}, ${gatewayVersion.replace(/ \(.*/, '')}, ${firstLine('tar', '--version')}, ${zstdVersion()}.`,
    `cache-s3 ${version()}${commit()}.`,
  ];
}

function version(): string {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

function commit(): string {
  try {
    const hash = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
    }).trim();
    return ` at ${hash}`;
  } catch {
    return '';
  }
}

const zstdVersion = () => `zstd ${/v(\d+\.\d+\.\d+)/.exec(firstLine('zstd', '--version'))?.[1] ?? 'unknown'}`;

function firstLine(program: string, argument: string): string {
  return execFileSync(program, [argument], { encoding: 'utf8' }).split('\n')[0] ?? '';
}
