import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { lstatExact } from '../../../src/archive/fs/file-status.ts';
import { fileTimes } from '../../../src/archive/fs/file-times.ts';
import type { TargetPlan } from '../../../src/archive/publish/plan/target-plan.ts';
import { StagingArea } from '../../../src/archive/publish/staging/staging-area.ts';
import { waitForLaterClock } from '../../../src/archive/restore/restored-status.ts';
import { scratch } from '../../support/scratch.ts';

function planAt(...directories: string[]): Pick<TargetPlan, 'areas' | 'moves'> {
  const areas = directories.map(directory => new StagingArea(directory, 0, '1-00000000'));
  return { areas, moves: [] };
}

const second = 1_000_000_000n;

describe('waitForLaterClock', () => {
  test('returns true when a later change gets a later change time', async () => {
    const directory = scratch();
    const file = path.join(directory, 'file');
    fs.writeFileSync(file, 'x');
    const { ctimeNs } = lstatExact(file)!;
    expect(await waitForLaterClock(ctimeNs, planAt(directory))).toBe(true);
    fs.chmodSync(file, 0o600);
    expect(lstatExact(file)!.ctimeNs).toBeGreaterThan(ctimeNs);
  });

  test('waits for a clock that will pass soon', async () => {
    const directory = scratch();
    const soon = lstatExact(directory)!.ctimeNs + second / 2n;
    expect(await waitForLaterClock(soon, planAt(directory))).toBe(true);
    fs.chmodSync(directory, 0o700);
    expect(lstatExact(directory)!.ctimeNs).toBeGreaterThan(soon);
  });

  test('returns false when the clock is far behind', async () => {
    const directory = scratch();
    const later = lstatExact(directory)!.ctimeNs + 3600n * second;
    expect(await waitForLaterClock(later, planAt(scratch(), directory))).toBe(false);
  });

  test('returns false when no directory can be touched', async () => {
    expect(await waitForLaterClock(0n, planAt(path.join(scratch(), 'not-there')))).toBe(false);
  });
});

test('waitForLaterClock leaves the mode and mtime of the directory as they are', async () => {
  const directory = path.join(scratch(), 'asked');
  fs.mkdirSync(directory, 0o750);
  fs.utimesSync(directory, 1, fileTimes.toSeconds({ mtimeUs: 1_500_000_000_000_007, mtimeRestNs: 0 }));
  const before = fs.statSync(directory, { bigint: true });
  await waitForLaterClock(0n, planAt(directory));
  const after = fs.statSync(directory, { bigint: true });
  expect([after.mode, after.mtimeNs]).toEqual([before.mode, before.mtimeNs]);
});
