import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { scratch } from '../support/scratch.ts';
import { projectRoot, read } from './documents.ts';

test('docs/bucket-size.svg is the picture that scripts/bucket-size.mjs draws', () => {
  const file = path.join(scratch(), 'bucket-size.svg');
  const script = path.join(projectRoot, 'scripts/bucket-size.mjs');
  const lines = execFileSync(process.execPath, [script, file], { encoding: 'utf8' }).trimEnd().split('\n');
  expect(readFileSync(file, 'utf8')).toBe(read('docs/bucket-size.svg'));
  // Each policy needs less than the one before it, and a prune by use keeps what is hit
  const [sizes, lost] = [/: (\d+) GB/, /(\d+) lost hits/].map(pattern =>
    lines.map(line => Number(pattern.exec(line)?.[1])),
  );
  expect(sizes).toEqual(sizes!.toSorted((a, b) => b - a));
  expect(lost![2]).toBeLessThan(lost![1]! / 5);
});
