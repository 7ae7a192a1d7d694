import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('read-endless-inventory.ts', import.meta.url));

/** Reads a listing in a heap whose old objects may have so many MiB. 64 is the heap of a container of 512 MiB. */
function readListing(heapMiB: number, ...args: readonly string[]) {
  return spawnSync(process.execPath, [`--max-old-space-size=${heapMiB}`, program, ...args], {
    encoding: 'utf8',
  });
}

test.each([
  ['caches', 64],
  ['caches', 128],
  ['markers', 64],
  ['markers', 128],
])('a listing of %s without end is refused before it fills a heap of %i MiB', (kind, heapMiB) => {
  const { status, stdout, stderr } = readListing(heapMiB, kind);
  expect(stdout, stderr).toMatch(
    /^StoreUnavailableError: after \d+000 objects of the listing Node.js has no memory for more; select /,
  );
  expect(status).toBe(0);
});

test('a listing of 20,000 caches is read in a container of 512 MiB', () => {
  const { stdout, stderr } = readListing(64, 'caches', '20000');
  expect(stdout, stderr).toBe('20000\n');
});
