import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { inWords, knobs, splitAt } from '../../bench/defaults/knobs.ts';

describe('the defaults that the bench changes', () => {
  test.each(knobs)('$constant is in $file, and the other values differ from it', knob => {
    const source = readFileSync(knob.file, 'utf8');
    const [before, value, after] = splitAt(source, knob.constant)!;
    expect(`${before}${value}${after}`).toBe(source);
    expect(value).toMatch(/^\d[\d *]*$/);
    expect(knob.others).not.toContain(value);
    expect(new Set(knob.others).size).toBe(knob.others.length);
  });

  test('a constant that is missing is not found', () => {
    expect(splitAt('export const OTHER = 1;\n', 'NAME')).toBeUndefined();
  });

  test('sizes are printed in MiB', () => {
    expect(inWords('4 * 1024 * 1024')).toBe('4 MiB');
    expect(inWords('8')).toBe('8');
  });
});
