import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { frameName } from '../../../src/archive/disk-cache/frame-files.ts';
import { findFrames, withDirectory } from '../../../src/archive/disk-cache/opened-directory.ts';
import type { Platform } from '../../../src/archive/fs/platform.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { usePlatform } from '../support/platform.ts';
import { fail, makeFrame, openedDirectory, putFrame } from './support.ts';

test('frames are found by their names and sizes, and a link is none', requires(posix), () => {
  const directory = scratch();
  const frames = ['right', 'cut', 'link', 'absent'].map(name => makeFrame(name));
  const [right, cut, link] = frames;
  putFrame(directory, right!);
  fs.truncateSync(putFrame(directory, cut!), 999);
  fs.symlinkSync(frameName(right!), path.join(directory, frameName(link!)));
  const files = frames.map(frame => ({ name: frameName(frame), size: 1000 }));
  const { isPresent } = findFrames({ kind: 'find', directory, files });
  expect(isPresent).toEqual([true, false, false, false]);
});

test('the directory is found where the system cannot resolve its path', () => {
  const directory = scratch();
  const { native } = fs.realpathSync;
  // As Windows on a RAM disk
  vi.spyOn(fs.realpathSync, 'native').mockImplementation(() => fail('EISDIR'));
  onTestFinished(() => void Object.assign(fs.realpathSync, { native }));
  usePlatform({ resolvesAllPaths: true });
  expect(() => openedDirectory(directory)).toThrow('EISDIR');
  usePlatform({ resolvesAllPaths: false });
  expect(openedDirectory(directory).path).toBe(fs.realpathSync(directory));
});

describe('the directory that was opened', requires(posix), () => {
  /** Opens a directory, and puts a link to another one in its place. */
  function openReplaced() {
    const root = scratch();
    const [directory, elsewhere] = [path.join(root, 'frames'), path.join(root, 'elsewhere')];
    for (const made of [directory, elsewhere]) fs.mkdirSync(made);
    const opened = openedDirectory(directory);
    fs.renameSync(directory, `${directory}.away`);
    fs.symlinkSync(elsewhere, directory);
    return opened;
  }

  const platforms: [string, Partial<Platform>][] = [
    ['exists', {}],
    ['leads nowhere', { openFiles: '/missing', filesByInode: '/missing' }],
    ['does not exist', { openFiles: undefined, filesByInode: undefined }],
  ];

  test.each(platforms)('is not used after it was replaced, if the path to open files %s', (_, platform) => {
    usePlatform(platform);
    const use = vi.fn();
    expect(() => withDirectory(openReplaced(), use)).toThrow('the directory was replaced');
    expect(use).not.toHaveBeenCalled();
  });

  test.each(platforms)('is used if the path to open files %s', (_, platform) => {
    usePlatform(platform);
    const directory = scratch();
    putFrame(directory, makeFrame('a'));
    expect(withDirectory(openedDirectory(directory), path => fs.readdirSync(path))).toHaveLength(1);
  });
});
