import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createCaseProbe } from '../../../../src/archive/fs/paths/case-folding.ts';
import { linux, requires } from '../../../support/platform-needs.ts';
import { scratch } from '../../../support/scratch.ts';

describe('a probe for case', requires(linux), () => {
  test('the case probe tests existing names at the path or above it', () => {
    const folds = createCaseProbe();
    const directory = scratch();
    expect([directory, join(directory, 'absent/a'), join(directory, 'absent/b')].map(folds)).toEqual([
      false,
      false,
      false,
    ]);
  });
});
