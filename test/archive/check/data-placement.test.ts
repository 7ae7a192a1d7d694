import { describe, test } from 'vitest';
import { type Forgery, sha256Of } from '../support/craft.ts';
import { bent, data, refuses, tree } from '../support/refuses.ts';

describe('false sizes and offsets', () => {
  const outside = 'has data outside its frame or overlapping another file';
  const two = tree({ name: 'a', data }, { name: 'b', data: 'bb' });
  test.each<[string, (forgery: Forgery) => void, string]>([
    ['a size beyond the last frame', ({ columns }) => columns.sizes.splice(1, 1, 2 ** 40), outside],
    [
      'a size that runs into the next file',
      ({ columns }) => {
        columns.sizes.splice(1, 1, data.length + 1024);
        columns.offsetResiduals.splice(1, 1, -512);
      },
      outside,
    ],
    ['an offset over another file', ({ columns }) => columns.offsetResiduals.splice(1, 1, -512), outside],
    ['an offset past the frame', ({ columns }) => columns.offsetResiduals.splice(0, 1, 2 ** 30), outside],
    [
      'a negative offset',
      ({ columns }) => columns.offsetResiduals.splice(0, 1, -512),
      'has an impossible data offset',
    ],
    [
      'an offset between blocks',
      ({ columns }) => columns.offsetResiduals.splice(0, 1, 513),
      'has an impossible data offset',
    ],
    ['a frame that is not there', ({ columns }) => columns.dataFrames.splice(1, 1, 7), outside],
    ['a negative frame', ({ columns }) => columns.dataFrames.splice(0, 1, -1), outside],
    ['a frame of no bytes', ({ columns }) => columns.frameSizes.splice(0, 1, 0), 'states a frame of 0 bytes'],
    [
      'a frame that decodes to nothing',
      ({ columns }) => columns.frameRawSizes.splice(0, 1, 0),
      'states a frame',
    ],
    [
      'a frame that decodes to a terabyte',
      ({ columns }) => columns.frameRawSizes.splice(0, 1, 2 ** 40),
      'states a frame',
    ],
    [
      'a frame longer than its data can be',
      ({ columns }) => columns.frameSizes.splice(0, 1, 2 ** 40),
      'states a frame',
    ],
    [
      'frames longer than the object',
      ({ columns }) => columns.frameSizes.splice(0, 1, columns.frameSizes[0]! + 100),
      'longer than its data',
    ],
  ])('%s is refused', async (_, bend, message) => {
    await refuses(bent(two, bend), message);
  });

  test('a frame that decodes to more than its claimed size is refused', async () => {
    const object = bent(two, ({ columns }) => {
      columns.frameRawSizes[0]! -= 512;
      columns.sizes.splice(2, 1, 0);
      columns.dataFrames.pop();
      columns.offsetResiduals.pop();
    });
    await refuses(object, 'a frame does not decompress to its length', { seenInData: true });
  });

  test('a frame that decodes to less than its claimed size is refused', async () => {
    const object = bent(two, ({ columns }) => {
      columns.frameRawSizes[0]! += 512;
    });
    await refuses(object, 'a frame does not decompress to its length', { seenInData: true });
  });

  test('a skippable frame in place of data is refused, although it decodes without an error', async () => {
    const object = bent(two, forgery => {
      const frame = Buffer.alloc(forgery.frames[0]!.length);
      frame.writeUInt32LE(0x184d2a50, 0);
      frame.writeUInt32LE(frame.length - 8, 4);
      forgery.frames = [frame];
      forgery.columns.hashes = sha256Of(frame);
    });
    await refuses(object, 'a frame does not decompress to its length', { seenInData: true });
  });

  test('a frame with a wrong hash is refused', async () => {
    const object = bent(two, ({ columns }) => {
      columns.hashes[31]! ^= 1;
    });
    await refuses(object, 'the checksum of a frame is wrong', { seenInData: true });
  });
});
