import * as fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { evict } from '../../../src/archive/disk-cache/eviction.ts';
import { largeDirectories, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';

test(
  'eviction removes the oldest of more frames than it remembers at a time',
  requires(largeDirectories),
  async () => {
    const directory = scratch();
    const now = Date.now() / 1000;
    const ages = Array.from({ length: 9000 }, (_, index) => 10_000 + ((index * 7919) % 9000));
    const files = ages.map((age, index) => {
      const file = path.join(directory, index.toString(16).padStart(64, '0'));
      fs.writeFileSync(file, 'x');
      fs.utimesSync(file, now - age, now - age);
      return file;
    });
    expect(await evict({ directory, maxBytes: 100 })).toBe(true);
    const youngest = files.filter((_, index) => ages[index]! < 10_100);
    expect(files.filter(file => fs.existsSync(file))).toEqual(youngest);
  },
);
