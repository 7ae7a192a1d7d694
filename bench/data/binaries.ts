import { closeSync, copyFileSync, mkdirSync, openSync, readSync, statSync, utimesSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { SeededRandom } from '../../test/support/random.ts';

interface BinariesPlan {
  readonly files: number;
  /** The approximate sum of all files. */
  readonly bytes: number;
  readonly seed: number;
}

/** The least size of a large file. */
const largeBytes = 1 << 20;
/** The largest share of large files: a toolchain is a few compilers and many libraries. */
const largeShare = 0.1;
const maxFileBytes = 128 << 20;

/** Directories with programs and libraries. Later ones are searched only if earlier ones have too few. */
const binaryRoots = ['/usr/lib', '/usr/bin', '/usr/local', '/opt'];

interface Found {
  readonly file: string;
  readonly size: number;
}

/**
 * Writes a tree like a compiler's toolchain: this machine's own programs and libraries, chosen by the seed, copied in
 * turn until the sizes are reached.
 */
export async function writeBinaries(root: string, nodeBinary: string, plan: BinariesPlan): Promise<void> {
  const found = await programFiles();
  const chosen = choose(found, statSync(nodeBinary).size, nodeBinary, plan);
  const time = new Date('2024-01-01T00:00:00Z');
  for (const [index, { file }] of chosen.entries()) {
    const directory = path.join(root, `lib-${String(index % 60).padStart(2, '0')}`);
    mkdirSync(directory, { recursive: true });
    const target = path.join(directory, `${String(index).padStart(4, '0')}-${path.basename(file)}`);
    copyFileSync(file, target);
    utimesSync(target, time, time);
  }
}

/** Returns the files in order: `node`, large ones up to the sum, and small ones up to the count. */
export function choose(
  found: readonly Found[],
  nodeBytes: number,
  nodeBinary: string,
  plan: BinariesPlan,
): Found[] {
  const random = new SeededRandom(plan.seed);
  const small = random.shuffled(found.filter(({ size }) => size < largeBytes));
  const large = random.shuffled(found.filter(({ size }) => size >= largeBytes && size <= maxFileBytes));
  if (small.length === 0 || large.length === 0) {
    throw new Error(`${binaryRoots.join(', ')} hold too few programs to build a toolchain's tree of.`);
  }
  const mean = small.reduce((total, { size }) => total + size, 0) / small.length;
  const largeFiles = fill(large, plan.files * largeShare, plan.bytes - nodeBytes - mean * plan.files);
  const smallFiles = Array.from(
    { length: Math.max(0, plan.files - 1 - largeFiles.length) },
    (_, index) => small[index % small.length]!,
  );
  return random.shuffled([{ file: nodeBinary, size: nodeBytes }, ...largeFiles, ...smallFiles]);
}

/** Returns files that fit, round after round, until none does. */
function fill(list: readonly Found[], most: number, bytes: number): Found[] {
  const result: Found[] = [];
  let left = bytes;
  let refused = 0;
  for (let index = 0; result.length < most && refused < list.length; index++) {
    const next = list[index % list.length]!;
    if (next.size > left) {
      refused++;
      continue;
    }
    refused = 0;
    left -= next.size;
    result.push(next);
  }
  return result;
}

/** Returns the ELF files, by their first four bytes, in the order of their names. */
async function programFiles(): Promise<Found[]> {
  const found: Found[] = [];
  for (const root of binaryRoots) {
    const entries = await fs.readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
    const files = entries
      .filter(entry => entry.isFile())
      .map(entry => path.join(entry.parentPath, entry.name));
    for (const file of files.sort()) {
      if (isElf(file)) found.push({ file, size: statSync(file).size });
    }
    if (found.length > 4000) break;
  }
  return found;
}

function isElf(file: string): boolean {
  const magic = Buffer.alloc(4);
  try {
    const descriptor = openSync(file, 'r');
    try {
      readSync(descriptor, magic, 0, 4, 0);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false;
  }
  return magic.toString('latin1') === '\x7fELF';
}
