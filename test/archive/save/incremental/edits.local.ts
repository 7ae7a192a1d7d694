import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { incompressible } from '../../support/archives.ts';
import { grow, isRoot, npmTime, rewriteInPlace } from './grow.ts';

/** What happens to a tree between a restore and the save that follows, one thing at a time. */

test('nothing at all: nothing is packed', async () => {
  const { grew, packed, outcome, job } = await grow({ 'tree/a': 'a' }, () => {});
  expect([grew, packed]).toEqual([true, []]);
  const [own, base] = [await job.open('k-1'), await job.open('k-0')];
  expect(own.manifest.frames).toEqual(base.manifest.frames);
  expect(own.manifest.head).toMatchObject({ generation: 1, object: own.name });
  const { reusedBytes = 0, sizeBytes = 0 } = outcome as { reusedBytes?: number; sizeBytes?: number };
  expect(sizeBytes - reusedBytes).toBeLessThan(5000);
});

describe('files', () => {
  test('a new content of the same size and time', async () => {
    const { grew, packed } = await grow(
      { 'tree/a': { content: 'one', mtime: npmTime }, 'tree/b': 'b' },
      tree => rewriteInPlace(`${tree}/a`, 'two'),
    );
    expect([grew, packed]).toEqual([true, ['./tree/a']]);
  });

  test('another file of the same size, mode and time by rename', async () => {
    const { packed } = await grow({ 'tree/a': { content: 'one', mtime: npmTime } }, tree => {
      fs.writeFileSync(`${tree}/new`, 'two');
      fs.utimesSync(`${tree}/new`, npmTime / 1e6, npmTime / 1e6);
      fs.renameSync(`${tree}/new`, `${tree}/a`);
    });
    expect(packed).toEqual(['./tree/a']);
  });

  test('two files that change places', async () => {
    const spec = {
      'tree/a': { content: 'one', mtime: npmTime },
      'tree/b': { content: 'two', mtime: npmTime },
    };
    const { packed } = await grow(spec, tree => {
      fs.renameSync(`${tree}/a`, `${tree}/c`);
      fs.renameSync(`${tree}/b`, `${tree}/a`);
      fs.renameSync(`${tree}/c`, `${tree}/b`);
    });
    expect(packed).toEqual(['./tree/a', './tree/b']);
  });

  test('from empty to something and back', async () => {
    const time = { mtime: npmTime };
    const { grew } = await grow(
      { 'tree/empty': { content: '', ...time }, 'tree/full': { content: 'x', ...time } },
      tree => {
        rewriteInPlace(`${tree}/empty`, 'y');
        rewriteInPlace(`${tree}/full`, '');
      },
      tree => {
        rewriteInPlace(`${tree}/empty`, '');
        rewriteInPlace(`${tree}/full`, 'x');
      },
    );
    expect(grew).toBe(true);
  });

  test('in slices: one byte of a large one', async () => {
    const large = { content: Buffer.alloc(9_000_000, 'slices that compress to next to nothing '), mtime: 1 };
    const { packed } = await grow({ 'tree/large': large, 'tree/large-too': large }, tree => {
      const fd = fs.openSync(`${tree}/large`, 'r+');
      fs.writeSync(fd, 'X', 8_500_000);
      fs.closeSync(fd);
    });
    expect(packed).toEqual(['./tree/large']);
  });

  test('a content that was there two saves ago', async () => {
    const { packed } = await grow(
      { 'tree/a': 'one' },
      tree => fs.writeFileSync(`${tree}/a`, 'two'),
      tree => fs.writeFileSync(`${tree}/a`, 'one'),
    );
    expect(packed).toEqual(['./tree/a']);
  });

  test('gone, and there again with the time it had', async () => {
    await grow(
      { 'tree/a': { content: 'one', mtime: npmTime } },
      tree => fs.rmSync(`${tree}/a`),
      tree => {
        fs.writeFileSync(`${tree}/a`, 'two');
        fs.utimesSync(`${tree}/a`, npmTime / 1e6, npmTime / 1e6);
      },
    );
  });

  test('only the mode', async () => {
    const { packed } = await grow({ 'tree/a': { content: 'a', mode: 0o644 }, 'tree/b': 'b' }, tree =>
      fs.chmodSync(`${tree}/a`, 0o755),
    );
    expect(packed).toEqual(['./tree/a']);
  });

  test.runIf(isRoot)('only the owner', async () => {
    const { packed } = await grow({ 'tree/a': 'a', 'tree/b': 'b' }, tree => {
      fs.chownSync(`${tree}/a`, 7, 8);
      fs.chownSync(tree, 7, 8);
    });
    expect(packed).toEqual(['./tree/a']);
  });
});

test('what one save takes over, the next one does too', async () => {
  const files = Array.from({ length: 6 }, (_, index) => `tree/${index}`);
  const spec = Object.fromEntries(files.map(name => [name, incompressible(1000, name)]));
  const edits = files.map(name => (tree: string) => fs.writeFileSync(path.join(tree, '..', name), 'new'));
  const { job, grew } = await grow(spec, ...edits);
  expect(grew).toBe(true);
  expect((await job.open('k-6')).manifest.head.generation).toBe(6);
});
