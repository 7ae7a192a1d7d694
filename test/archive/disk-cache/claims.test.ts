import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Claims } from '../../../src/archive/disk-cache/claims.ts';
import { claimNames, storeFrame } from '../../../src/archive/disk-cache/frame-files.ts';
import type { Claim } from '../../../src/archive/messages/disk-job.ts';
import { insteadAsync, replaceCalls } from '../../support/file-system-calls.ts';
import { birthTimes, modes, posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { platforms, usePlatform } from '../support/platform.ts';
import { claimPath, fail, makeFrame, putFrame } from './support.ts';

const [present, others, refused] = ['present', 'others', 'refused'] as const;
const ours: Claim = { name: expect.any(String), inode: expect.any(String) };
const frame = makeFrame('a');

let now = 0;
/** The time by the clock that measures the silence of other processes. */
function passMs(ms: number): void {
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  now += ms;
}

/** Opens a directory for claims with this mode. */
function claimsOf(directory: string): Claims {
  return new Claims({ path: directory, inode: '', mode: 0o644, problem: undefined });
}

const { writeSync } = fs;
/** Lets the next file that is opened have other methods. */
function changeNextFile(change: (file: Pick<FileHandle, 'close'>) => Partial<FileHandle>): void {
  let isChanged = false;
  insteadAsync('open', open => async (...options) => {
    const file = await open(...options);
    if (isChanged) return file;
    isChanged = true;
    const { close } = file;
    return Object.assign(file, change({ close: () => close.call(file) }));
  });
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a claim', () => {
  test('is taken by one process, and the others wait for it', async () => {
    const directory = scratch();
    const [first, second] = [claimsOf(directory), claimsOf(directory)];
    expect(await first.claim(frame, 'claim')).toEqual(ours);
    expect(await second.claim(frame, 'claim')).toEqual(others);
  });

  test('has the mode of the frames', requires(modes), async () => {
    const directory = scratch();
    await claimsOf(directory).claim(frame, 'claim');
    expect(fs.statSync(claimPath(directory, frame)).mode & 0o777).toBe(0o644);
  });

  test('is not taken on a frame that is stored, unless it is to be replaced', async () => {
    const directory = scratch();
    putFrame(directory, frame);
    const claims = claimsOf(directory);
    expect(await claims.claim(frame, 'claim')).toEqual(present);
    expect(await claims.claim(frame, 'replace')).toEqual(ours);
  });

  test('that its holder touches is respected', async () => {
    const directory = scratch();
    const [holder, waiting] = [claimsOf(directory), claimsOf(directory)];
    passMs(0);
    await holder.claim(frame, 'claim');
    // The clock of the holder is set back and forward
    for (const seconds of [1000, 1001, 5e9, 10, 1001]) {
      fs.lutimesSync(claimPath(directory, frame), seconds, seconds);
      expect(await waiting.claim(frame, 'claim')).toEqual(others);
      passMs(990);
    }
  });

  test('of a process that has ended is taken over after a second', async () => {
    const directory = scratch();
    const [dead, waiting] = [claimsOf(directory), claimsOf(directory)];
    passMs(0);
    await dead.claim(frame, 'claim');
    expect(await waiting.claim(frame, 'claim')).toEqual(others);
    passMs(990);
    expect(await waiting.claim(frame, 'claim')).toEqual(others);
    passMs(10);
    expect(await waiting.claim(frame, 'claim')).toEqual(ours);
    // Its holder was only slow, and does not remove the claim of the other one
    await dead.releaseAll();
    expect(fs.existsSync(claimPath(directory, frame))).toBe(true);
  });

  test('is removed when it is settled, and a new file of its name is not', async () => {
    const directory = scratch();
    const claims = claimsOf(directory);
    const claim = (await claims.claim(frame, 'claim')) as Claim;
    await claims.release(claim);
    expect(fs.readdirSync(directory)).toEqual([]);
    fs.writeFileSync(claimPath(directory, frame), '');
    await claims.release(claim);
    expect(fs.readdirSync(directory)).toHaveLength(1);
  });

  test('is refused from then on if nothing can be stored in the directory', async () => {
    const claims = claimsOf(`${scratch()}/missing`);
    expect(await claims.claim(frame, 'claim')).toEqual(refused);
    expect(claims.problem).toBe('ENOENT');
    expect(await claims.claim(frame, 'replace')).toEqual(refused);
  });

  test('has its next name if the file of a process that has ended cannot be removed', async () => {
    const directory = scratch();
    const [first, second] = [claimsOf(directory), claimsOf(directory)];
    fs.mkdirSync(claimPath(directory, frame));
    passMs(0);
    for (const claims of [first, second]) expect(await claims.claim(frame, 'claim')).toEqual(others);
    passMs(1000);
    expect(await first.claim(frame, 'claim')).toEqual(ours);
    expect(fs.existsSync(claimPath(directory, frame, 2))).toBe(true);
    // Others wait for it
    expect(await second.claim(frame, 'claim')).toEqual(others);
  });

  test(
    'is taken beside the claims of running processes by one that insists',
    requires(birthTimes),
    async () => {
      const directory = scratch();
      const [holder, forcing] = [claimsOf(directory), claimsOf(directory)];
      await holder.claim(frame, 'claim');
      const claim = (await forcing.claim(frame, 'force')) as Claim;
      expect(storeFrame(directory, frame, frame.bytes, claim)).toBe(true);
      expect(await forcing.claim(frame, 'force')).toEqual(present);
      expect(fs.existsSync(claimPath(directory, frame))).toBe(true);
    },
  );

  test('is refused if all its names are taken', async () => {
    const directory = scratch();
    const claims = claimsOf(directory);
    for (const name of claimNames(frame)) fs.mkdirSync(path.join(directory, name));
    expect(await claims.claim(frame, 'force')).toEqual(refused);
    // Claims that cannot be removed delay a process by a second together
    passMs(0);
    expect(await claims.claim(frame, 'claim')).toEqual(others);
    passMs(1000);
    expect(await claims.claim(frame, 'claim')).toEqual(refused);
    expect(claims.problem).toBeUndefined();
  });

  // On Windows EPERM may mean that a process has the file open
  test('is refused from then on if a claim that is used up cannot be removed', requires(posix), async () => {
    const directory = scratch();
    const claims = claimsOf(directory);
    const claim = (await claims.claim(frame, 'claim')) as Claim;
    insteadAsync('unlink', () => async () => fail('EPERM'));
    await claims.release(claim);
    expect(claims.problem).toBe('EPERM');
    expect(await claims.claim(makeFrame('b'), 'claim')).toEqual(refused);
  });

  test('is taken on the next frame after another program had a used claim open for a moment', async () => {
    const claims = claimsOf(scratch());
    usePlatform(platforms.win32);
    const claim = (await claims.claim(frame, 'claim')) as Claim;
    insteadAsync('unlink', () => async () => fail('EPERM'));
    await claims.release(claim);
    expect(await claims.claim(makeFrame('b'), 'claim')).toEqual(ours);
  });

  test.each<[string, (file: Pick<FileHandle, 'close'>) => Partial<FileHandle>]>([
    ['its status cannot be read', () => ({ stat: async () => fail('EIO') })],
    ['closing it fails', file => ({ close: () => file.close().then(() => fail('EIO')) })],
  ])('is removed and refused if %s', async (_, change) => {
    const directory = scratch();
    const claims = claimsOf(directory);
    changeNextFile(change);
    expect(await claims.claim(frame, 'claim')).toEqual(refused);
    expect(fs.readdirSync(directory)).toEqual([]);
    // Another frame may be stored
    expect(claims.problem).toBeUndefined();
    expect(await claims.claim(frame, 'claim')).toEqual(ours);
  });

  test('is removed and refused if its file has a second name', requires(modes), async () => {
    const directory = scratch();
    const claims = claimsOf(directory);
    const link = async () => fs.linkSync(claimPath(directory, frame), `${directory}/twin`);
    changeNextFile(() => ({ chmod: link }));
    expect(await claims.claim(frame, 'claim')).toEqual(refused);
    expect(fs.readdirSync(directory)).toEqual(['twin']);
  });

  test('is taken on a file system that refuses to set its mode', async () => {
    changeNextFile(() => ({ chmod: async () => fail('EPERM') }));
    expect(await claimsOf(scratch()).claim(frame, 'claim')).toEqual(ours);
  });

  test('is refused from then on if the directory permits no new file', async () => {
    const claims = claimsOf(scratch());
    const refuse = vi.fn(async () => fail('EPERM'));
    insteadAsync('open', () => refuse);
    for (const one of [frame, makeFrame('b')]) expect(await claims.claim(one, 'claim')).toEqual(refused);
    expect(claims.problem).toBe('EPERM');
    expect(refuse).toHaveBeenCalledTimes(1);
  });

  test('of a process that has ended is left to another process that takes it over first', async () => {
    const directory = scratch();
    const file = claimPath(directory, frame);
    const waiting = claimsOf(directory);
    fs.writeFileSync(file, '');
    passMs(0);
    await waiting.claim(frame, 'claim');
    passMs(1000);
    const takeOver = vi.fn(async (path: fs.PathLike) => {
      fs.unlinkSync(path);
      fs.writeFileSync(file, 'other');
    });
    insteadAsync('unlink', () => takeOver);
    expect(await waiting.claim(frame, 'claim')).toEqual(others);
    expect(takeOver).toHaveBeenCalledTimes(1);
    expect(fs.readFileSync(file, 'utf8')).toBe('other');
  });

  test.each([
    ['the frame is present if its holder has stored it', true, present],
    ['the claim is taken if its holder has given it up', false, ours],
  ] as const)('that ends while it is tried leaves no frame refused: %s', async (_, isStored, outcome) => {
    const directory = scratch();
    const claims = claimsOf(directory);
    let attempts = 0;
    insteadAsync('open', open => async (...options) => {
      if (++attempts > 1) return open(...options);
      if (isStored) putFrame(directory, frame);
      return fail('EEXIST');
    });
    expect(await claims.claim(frame, 'claim')).toEqual(outcome);
  });

  test.each(['ENOSPC', 'EDQUOT', 'EROFS'])(
    'is removed if writing the frame fails half-way by %s, and no other frame is claimed then',
    requires(birthTimes),
    async code => {
      const directory = scratch();
      const claims = claimsOf(directory);
      const claim = (await claims.claim(frame, 'claim')) as Claim;
      let count = 0;
      const writeHalf = (fd: number, bytes: Uint8Array) =>
        ++count === 1 ? writeSync(fd, bytes, 0, bytes.length / 2, 0) : fail(code);
      const restoreCalls = replaceCalls({ writeSync: writeHalf as typeof writeSync });
      expect(() => storeFrame(directory, frame, frame.bytes, claim)).toThrow(code);
      restoreCalls();
      claims.noteProblem(code);
      await claims.release(claim);
      expect(fs.readdirSync(directory)).toEqual([]);
      expect(await claims.claim(makeFrame('b'), 'claim')).toEqual(refused);
    },
  );
});
