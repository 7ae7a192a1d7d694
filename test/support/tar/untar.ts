import { execFileSync } from 'node:child_process';

/** Extracts an object to a directory with zstd and GNU tar. Names that an incremental save deleted are extracted too. */
export function untar(object: Uint8Array, directory: string): void {
  const command = 'zstd -dc | tar --delay-directory-restore -xpPf - -C "$1"';
  execFileSync('bash', ['-o', 'pipefail', '-c', command, 'bash', directory], {
    input: object,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
}
