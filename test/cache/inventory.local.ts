import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('read-endless-inventory.ts', import.meta.url));

test.each(['caches', 'markers'])('a listing of %s without end is refused before it fills the heap', kind => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--max-old-space-size=128', program, kind],
    { encoding: 'utf8' },
  );
  expect(stdout, stderr).toMatch(
    /^StoreUnavailableError: after \d+000 objects of the listing Node.js has no memory for more; select /,
  );
  expect(status).toBe(0);
});
