import { expect, test } from 'vitest';
import { OffsetPredictor } from '../../../../src/archive/format/manifest/offset-predictor.ts';

test('the data of a file is expected behind the padded data before it in the same frame', () => {
  const place = new OffsetPredictor();
  expect(place.predict(0)).toBe(0);
  place.add(0, 512, 600);
  expect(place.predict(0)).toBe(512 + 1024);
  place.add(0, 2048, 512);
  expect(place.predict(0)).toBe(2048 + 512);
});

test('the data of a file is expected at byte 0 of another frame, and again of one that was left', () => {
  const place = new OffsetPredictor();
  place.add(3, 512, 600);
  expect([place.predict(2), place.predict(4)]).toEqual([0, 0]);
  place.add(4, 512, 1);
  expect(place.predict(3)).toBe(0);
});
