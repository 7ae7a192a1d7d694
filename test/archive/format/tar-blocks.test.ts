import { expect, test } from 'vitest';
import { padded, padding } from '../../../src/archive/format/tar-blocks.ts';

test('padding rounds sizes up to whole blocks', () => {
  expect([0, 1, 511, 512, 513].map(padding)).toEqual([0, 511, 1, 0, 511]);
  expect([0, 1, 511, 512, 513, 2 ** 40 + 1].map(padded)).toEqual([0, 512, 512, 512, 1024, 2 ** 40 + 512]);
});
