import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Claims } from '../../../src/archive/disk-cache/claims.ts';
import { claimNames, storeFrame } from '../../../src/archive/disk-cache/frame-files.ts';
import { FrameState } from '../../../src/archive/messages/disk-request.ts';
import { replaceCalls } from '../../support/file-system-calls.ts';
import { birthTimes, modes, posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { platforms, usePlatform } from '../support/platform.ts';
import { claimPath, fail, makeFrame, putFrame } from './support.ts';

const { present, ours, others, refused } = FrameState;
const frame = makeFrame('a');

let now = 0;
/** The time by the clock that measures the silence of other processes. */
function passMs(ms: number): void {
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  now += ms;
}

const { openSync, closeSync, unlinkSync, writeSync } = fs;
afterEach(() => {
  vi.restoreAllMocks();
});

describe('a claim', () => {
  test('is taken by one process, and the others wait for it', () => {
    const directory = scratch();
    const [first, second] = [new Claims(directory, 0o644), new Claims(directory, 0o644)];
    expect(first.take(frame, 'claim')).toMatchObject({ state: ours });
    expect(second.take(frame, 'claim')).toEqual({ state: others });
  });

  test('has the mode of the frames', requires(modes), () => {
    const directory = scratch();
    new Claims(directory, 0o644).take(frame, 'claim');
    expect(fs.statSync(claimPath(directory, frame)).mode & 0o777).toBe(0o644);
  });

  test('is not taken on a frame that is stored, unless it is to be replaced', () => {
    const directory = scratch();
    putFrame(directory, frame);
    const claims = new Claims(directory, 0o600);
    expect(claims.take(frame, 'claim')).toEqual({ state: present });
    expect(claims.take(frame, 'replace')).toMatchObject({ state: ours });
  });

  test('that its holder touches is respected', () => {
    const directory = scratch();
    const [holder, waiting] = [new Claims(directory, 0o600), new Claims(directory, 0o600)];
    passMs(0);
    holder.take(frame, 'claim');
    // The clock of the holder is set back and forward
    for (const seconds of [1000, 1001, 5e9, 10, 1001]) {
      fs.lutimesSync(claimPath(directory, frame), seconds, seconds);
      expect(waiting.take(frame, 'claim')).toEqual({ state: others });
      passMs(990);
    }
  });

  test('of a process that has ended is taken over after a second', () => {
    const directory = scratch();
    const [dead, waiting] = [new Claims(directory, 0o600), new Claims(directory, 0o600)];
    passMs(0);
    dead.take(frame, 'claim');
    expect(waiting.take(frame, 'claim')).toEqual({ state: others });
    passMs(990);
    expect(waiting.take(frame, 'claim')).toEqual({ state: others });
    passMs(10);
    expect(waiting.take(frame, 'claim')).toMatchObject({ state: ours });
    // Its holder was only slow, and does not remove the claim of the other one
    dead.settleAll();
    expect(fs.existsSync(claimPath(directory, frame))).toBe(true);
  });

  test('is removed when it is settled, and a new file of its name is not', () => {
    const directory = scratch();
    const claims = new Claims(directory, 0o600);
    const { claim } = claims.take(frame, 'claim');
    claims.settle(claim!);
    expect(fs.readdirSync(directory)).toEqual([]);
    fs.writeFileSync(claimPath(directory, frame), '');
    claims.settle(claim!);
    expect(fs.readdirSync(directory)).toHaveLength(1);
  });

  test('is refused from then on if nothing can be stored in the directory', () => {
    const claims = new Claims(`${scratch()}/missing`, 0o600);
    expect(claims.take(frame, 'claim')).toEqual({ state: refused });
    expect(claims.problem).toBe('ENOENT');
    expect(claims.take(frame, 'replace')).toEqual({ state: refused });
  });

  test('has its next name if the file of a process that has ended cannot be removed', () => {
    const directory = scratch();
    const [first, second] = [new Claims(directory, 0o600), new Claims(directory, 0o600)];
    fs.mkdirSync(claimPath(directory, frame));
    passMs(0);
    for (const claims of [first, second]) expect(claims.take(frame, 'claim')).toEqual({ state: others });
    passMs(1000);
    expect(first.take(frame, 'claim')).toMatchObject({ state: ours });
    expect(fs.existsSync(claimPath(directory, frame, 2))).toBe(true);
    // Others wait for it
    expect(second.take(frame, 'claim')).toEqual({ state: others });
  });

  test('is taken beside the claims of running processes by one that insists', requires(birthTimes), () => {
    const directory = scratch();
    const [holder, insisting] = [new Claims(directory, 0o600), new Claims(directory, 0o600)];
    holder.take(frame, 'claim');
    const { claim } = insisting.take(frame, 'insist');
    expect(storeFrame(directory, frame, frame.bytes, claim!)).toBe(true);
    expect(insisting.take(frame, 'insist')).toEqual({ state: present });
    expect(fs.existsSync(claimPath(directory, frame))).toBe(true);
  });

  test('is refused if all its names are taken', () => {
    const directory = scratch();
    const claims = new Claims(directory, 0o600);
    for (const name of claimNames(frame)) fs.mkdirSync(path.join(directory, name));
    expect(claims.take(frame, 'insist')).toEqual({ state: refused });
    // Claims that cannot be removed delay a process by a second together
    passMs(0);
    expect(claims.take(frame, 'claim')).toEqual({ state: others });
    passMs(1000);
    expect(claims.take(frame, 'claim')).toEqual({ state: refused });
    expect(claims.problem).toBeUndefined();
  });

  // On Windows EPERM may mean that a process has the file open
  test('is refused from then on if a claim that is used up cannot be removed', requires(posix), () => {
    const directory = scratch();
    const claims = new Claims(directory, 0o600);
    const { claim } = claims.take(frame, 'claim');
    const restoreCalls = replaceCalls({ unlinkSync: () => fail('EPERM') });
    claims.settle(claim!);
    restoreCalls();
    expect(claims.problem).toBe('EPERM');
    expect(claims.take(makeFrame('b'), 'claim')).toEqual({ state: refused });
  });

  test('is taken on the next frame after another program had a used claim open for a moment', () => {
    const claims = new Claims(scratch(), 0o600);
    usePlatform(platforms.win32);
    const { claim } = claims.take(frame, 'claim');
    replaceCalls({ unlinkSync: () => fail('EPERM') });
    claims.settle(claim!);
    expect(claims.take(makeFrame('b'), 'claim')).toMatchObject({ state: ours });
  });

  test.each<[string, Partial<typeof fs>]>([
    ['its status cannot be read', { fstatSync: () => fail('EIO') }],
    ['closing it fails', { closeSync: fd => closeSync(fd) ?? fail('EIO') }],
  ])('is removed and refused if %s', (_, calls) => {
    const directory = scratch();
    const claims = new Claims(directory, 0o600);
    const restoreCalls = replaceCalls(calls);
    expect(claims.take(frame, 'claim')).toEqual({ state: refused });
    expect(fs.readdirSync(directory)).toEqual([]);
    // Another frame may be stored
    expect(claims.problem).toBeUndefined();
    restoreCalls();
    expect(claims.take(frame, 'claim')).toMatchObject({ state: ours });
  });

  test('is removed and refused if its file has a second name', requires(modes), () => {
    const directory = scratch();
    const claims = new Claims(directory, 0o600);
    replaceCalls({ fchmodSync: () => fs.linkSync(claimPath(directory, frame), `${directory}/twin`) });
    expect(claims.take(frame, 'claim')).toEqual({ state: refused });
    expect(fs.readdirSync(directory)).toEqual(['twin']);
  });

  test('is taken on a file system that refuses to set its mode', () => {
    const directory = scratch();
    replaceCalls({ fchmodSync: () => fail('EPERM') });
    expect(new Claims(directory, 0o600).take(frame, 'claim')).toMatchObject({ state: ours });
  });

  test('is refused from then on if the directory permits no new file', () => {
    const claims = new Claims(scratch(), 0o600);
    const refuse = vi.fn(() => fail('EPERM'));
    replaceCalls({ openSync: refuse });
    const states = [frame, makeFrame('b')].map(one => claims.take(one, 'claim'));
    expect(states).toEqual([{ state: refused }, { state: refused }]);
    expect(claims.problem).toBe('EPERM');
    expect(refuse).toHaveBeenCalledTimes(1);
  });

  test('of a process that has ended is left to another process that takes it over first', () => {
    const directory = scratch();
    const file = claimPath(directory, frame);
    const waiting = new Claims(directory, 0o600);
    fs.writeFileSync(file, '');
    passMs(0);
    waiting.take(frame, 'claim');
    passMs(1000);
    const takeOver = vi.fn((path: fs.PathLike) => {
      unlinkSync(path);
      fs.writeFileSync(file, 'other');
    });
    replaceCalls({ unlinkSync: takeOver });
    expect(waiting.take(frame, 'claim')).toEqual({ state: others });
    expect(takeOver).toHaveBeenCalledTimes(1);
    expect(fs.readFileSync(file, 'utf8')).toBe('other');
  });

  test.each([
    ['the frame is present if its holder has stored it', true, present],
    ['the claim is taken if its holder has given it up', false, ours],
  ])('that ends while it is tried leaves no frame refused: %s', (_, isStored, state) => {
    const directory = scratch();
    const claims = new Claims(directory, 0o600);
    let attempts = 0;
    const open = (...args: Parameters<typeof openSync>) => {
      if (++attempts > 1) return openSync(...args);
      if (isStored) putFrame(directory, frame);
      return fail('EEXIST');
    };
    replaceCalls({ openSync: open });
    expect(claims.take(frame, 'claim')).toMatchObject({ state });
  });

  test.each(['ENOSPC', 'EDQUOT', 'EROFS'])(
    'is removed if writing the frame fails half-way by %s, and no other frame is claimed then',
    requires(birthTimes),
    code => {
      const directory = scratch();
      const claims = new Claims(directory, 0o600);
      const { claim } = claims.take(frame, 'claim');
      let count = 0;
      const writeHalf = (fd: number, bytes: Uint8Array) =>
        ++count === 1 ? writeSync(fd, bytes, 0, bytes.length / 2, 0) : fail(code);
      const restoreCalls = replaceCalls({ writeSync: writeHalf as typeof writeSync });
      expect(() => storeFrame(directory, frame, frame.bytes, claim!)).toThrow(code);
      restoreCalls();
      claims.noteProblem(code);
      claims.settle(claim!);
      expect(fs.readdirSync(directory)).toEqual([]);
      expect(claims.take(makeFrame('b'), 'claim')).toEqual({ state: refused });
    },
  );
});
