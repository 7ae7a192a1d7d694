/**
 * Reads the files of a tree in a loop while other processes restore it, and records each wrong state. Ends at the end of its
 * input, and prints a `ReaderReport` as JSON. Runs with `node reader.ts '<ReaderJob as JSON>'`.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ReaderJob {
  readonly root: string;
  /** The SHA-256 sums (hex) that the content of each file may have, by the path below the root. */
  readonly files: Readonly<Record<string, readonly string[]>>;
  /** The files that exist from the beginning. They may never be missing. */
  readonly present: readonly string[];
}

export interface ReaderReport {
  readonly rounds: number;
  readonly reads: number;
  /** Lines of the form `path: problem`, at most a hundred. */
  readonly violations: readonly string[];
}

export const READER = fileURLToPath(import.meta.url);

const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'EISDIR']);

async function main({ root, files, present }: ReaderJob): Promise<void> {
  const seen = new Set(present);
  const violations: string[] = [];
  let reads = 0;
  let rounds = 0;
  let ended = false;
  process.stdin.on('end', () => {
    ended = true;
  });
  process.stdin.resume();
  process.stdout.write('reading\n');
  do {
    rounds++;
    for (const [name, sums] of Object.entries(files)) {
      const violation = checkFile(join(root, name), sums, seen.has(name));
      if (violation === undefined) seen.add(name);
      else if (violation !== 'absent') violations.push(`${name}: ${violation}`);
      reads++;
    }
    await new Promise(setImmediate);
  } while (!ended);
  const report: ReaderReport = { rounds, reads, violations: violations.slice(0, 100) };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

function checkFile(path: string, sums: readonly string[], expected: boolean): string | undefined {
  try {
    const sum = createHash('sha256').update(readFileSync(path)).digest('hex');
    return sums.includes(sum) ? undefined : 'neither the old nor the new content';
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    // Before it is published, its place may have an entry of another type
    return !expected && ABSENT.has(code) ? 'absent' : `missing (${code})`;
  }
}

if (process.argv[1] === READER) await main(JSON.parse(process.argv[2]!));
