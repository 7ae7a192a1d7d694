import * as fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { evict } from '../../../src/archive/disk-cache/eviction.ts';
import { instead } from '../../support/file-system-calls.ts';
import { largeDirectories, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { makeFrame, openedDirectory, putFrame } from './support.ts';

test(
  'eviction removes the oldest of many frames, and reads the directory once',
  requires(largeDirectories),
  () => {
    const directory = scratch();
    const now = Date.now() / 1000;
    const ages = Array.from({ length: 9000 }, (_, index) => 10_000 + ((index * 7919) % 9000));
    const files = ages.map((age, index) => {
      const file = path.join(directory, index.toString(16).padStart(64, '0'));
      fs.writeFileSync(file, 'x');
      fs.utimesSync(file, now - age, now - age);
      return file;
    });
    const read = vi.fn();
    // It has the time that it needs, also on a busy host
    vi.spyOn(performance, 'now').mockReturnValue(0);
    onTestFinished(() => void vi.restoreAllMocks());
    instead('opendirSync', open => (...options) => {
      read();
      return open(...options);
    });
    const job = { kind: 'evict', directory: openedDirectory(directory), maxBytes: 100 } as const;
    expect(evict(job)).toEqual({ isKept: true });
    expect(read).toHaveBeenCalledTimes(1);
    const youngest = files.filter((_, index) => ages[index]! < 10_100);
    expect(files.filter(file => fs.existsSync(file))).toEqual(youngest);
  },
);

test('eviction reads a quarter of a million frames at most', () => {
  const directory = scratch();
  const file = putFrame(directory, makeFrame('a'));
  const stats = fs.lstatSync(file);
  vi.spyOn(performance, 'now').mockReturnValue(0);
  onTestFinished(() => void vi.restoreAllMocks());
  const entry = { name: path.basename(file) };
  const read = vi.fn(() => entry);
  const list = () => ({ readSync: read, closeSync() {} });
  instead('opendirSync', () => list as unknown as typeof fs.opendirSync);
  instead('lstatSync', () => (() => stats) as unknown as typeof fs.lstatSync);
  instead('unlinkSync', () => () => {});
  const job = { kind: 'evict', directory: openedDirectory(directory), maxBytes: 249_000_000 } as const;
  expect(evict(job)).toEqual({ isKept: true });
  expect(read).toHaveBeenCalledTimes(250_000);
});
