import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import {
  claimNames,
  fileKind,
  framePath,
  readFrame,
  storeFrame,
} from '../../../src/archive/disk-cache/frame-files.ts';
import { failEachClose, failed, instead, replaceCalls } from '../../support/file-system-calls.ts';
import { birthTimes, posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { makeClaim, makeFrame, putFrame } from './support.ts';

const frame = makeFrame('a');
const other = makeFrame('b');

describe('readFrame', () => {
  test('returns the bytes of a stored frame, and sets the time of its last use', () => {
    const directory = scratch();
    const file = putFrame(directory, frame);
    fs.utimesSync(file, 1000, 1000);
    expect(readFrame(directory, frame)).toEqual(frame.bytes);
    expect(Date.now() - fs.statSync(file).mtimeMs).toBeLessThan(60_000);
  });

  test('returns the bytes of a stored frame although its file cannot be closed without an error', () => {
    const directory = scratch();
    putFrame(directory, frame);
    failEachClose();
    expect(readFrame(directory, frame)).toEqual(frame.bytes);
  });

  test.each<[string, (file: string, directory: string) => unknown]>([
    ['is absent', fs.unlinkSync],
    ['has one other bit', file => fs.writeFileSync(file, flipped(frame.bytes))],
    ['is cut', file => fs.truncateSync(file, 999)],
    ['is longer', file => fs.appendFileSync(file, 'x')],
    ['is empty', file => fs.truncateSync(file)],
    ['is sparse and huge', file => fs.truncateSync(file, 2 ** 40)],
    ['is another frame', file => fs.writeFileSync(file, other.bytes)],
    ['is a directory', file => fs.rmSync(file) ?? fs.mkdirSync(file)],
    ['is in a directory that does not exist', (_, directory) => fs.rmSync(directory, { recursive: true })],
  ])('returns undefined if the file %s', (_, change) => {
    const directory = scratch();
    change(putFrame(directory, frame), directory);
    expect(readFrame(directory, frame)).toBeUndefined();
  });

  test.each<[string, (file: string) => void]>([
    ['cut', file => fs.truncateSync(file, 500)],
    ['overwritten', file => fs.writeFileSync(file, other.bytes)],
  ])('returns undefined if the file is %s between its status and its bytes', (_, change) => {
    const directory = scratch();
    const file = putFrame(directory, frame);
    const { fstatSync } = fs;
    const changed = vi.fn((fd: number) => {
      const stats = fstatSync(fd);
      change(file);
      return stats;
    });
    replaceCalls({ fstatSync: changed as never });
    expect(readFrame(directory, frame)).toBeUndefined();
    expect(changed).toHaveBeenCalledTimes(1);
  });

  test('returns the bytes of the file that it has opened, if another is put in its place', () => {
    const directory = scratch();
    const file = putFrame(directory, frame);
    const { fstatSync } = fs;
    const replaced = vi.fn((fd: number) => {
      fs.rmSync(file);
      fs.writeFileSync(file, other.bytes);
      return fstatSync(fd);
    });
    replaceCalls({ fstatSync: replaced as never });
    expect(readFrame(directory, frame)).toEqual(frame.bytes);
    expect(replaced).toHaveBeenCalledTimes(1);
  });

  test('returns undefined for a link to the right bytes', requires(posix), () => {
    const directory = scratch();
    const file = putFrame(directory, frame);
    fs.renameSync(file, path.join(directory, 'elsewhere'));
    fs.symlinkSync('elsewhere', file);
    expect(readFrame(directory, frame)).toBeUndefined();
  });

  test('does not wait for a FIFO', requires(posix), () => {
    const directory = scratch();
    execFileSync('mkfifo', [framePath(directory, frame)]);
    expect(readFrame(directory, frame)).toBeUndefined();
  });
});

describe('storeFrame', () => {
  test('gives the frame its name, and replaces a wrong one', requires(birthTimes), () => {
    const directory = scratch();
    fs.writeFileSync(framePath(directory, frame), 'wrong');
    const { file, claim } = makeClaim(directory, frame);
    expect(storeFrame(directory, frame, frame.bytes, claim)).toBe(true);
    expect(readFrame(directory, frame)).toEqual(frame.bytes);
    expect(fs.existsSync(file)).toBe(false);
  });

  test('does not write into a file that is not the claim of this process', () => {
    const directory = scratch();
    const { file, claim } = makeClaim(directory, frame);
    fs.renameSync(file, path.join(directory, 'moved'));
    fs.writeFileSync(file, 'not ours');
    expect(storeFrame(directory, frame, frame.bytes, claim)).toBe(false);
    expect(fs.readFileSync(file, 'utf8')).toBe('not ours');
  });

  test('does not write into a claim that has a second name', () => {
    const directory = scratch();
    const { file, claim } = makeClaim(directory, frame);
    fs.linkSync(file, path.join(directory, 'second'));
    expect(storeFrame(directory, frame, frame.bytes, claim)).toBe(false);
    expect(fs.statSync(file).size).toBe(0);
  });

  test('stores nothing, without an error, if another host of a network mount has removed the claim', () => {
    const directory = scratch();
    const { claim } = makeClaim(directory, frame);
    instead('writeSync', () => () => {
      throw failed('ESTALE');
    });
    expect(storeFrame(directory, frame, frame.bytes, claim)).toBe(false);
  });

  test('does not follow a link in place of the claim', requires(posix), () => {
    const directory = scratch();
    const secret = path.join(directory, 'secret');
    fs.writeFileSync(secret, 'secret');
    const { file, claim } = makeClaim(directory, frame);
    fs.rmSync(file);
    fs.symlinkSync(secret, file);
    expect(storeFrame(directory, frame, frame.bytes, claim)).toBe(false);
    expect(fs.readFileSync(secret, 'utf8')).toBe('secret');
  });
});

test('only names of frames and claims are those of the disk cache', () => {
  const name = 'a'.repeat(64);
  expect(fileKind(name)).toBe('frame');
  for (const claim of claimNames(frame)) expect(fileKind(claim), claim).toBe('claim');
  for (const foreign of [
    'README',
    name.toUpperCase(),
    `${name}a`,
    `${name}\n`,
    `${name}.part1`,
    `${name}.part10`,
    `.${name}`,
  ])
    expect(fileKind(foreign), foreign).toBeUndefined();
});

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[500]! ^= 1;
  return copy;
}
