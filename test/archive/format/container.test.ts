import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DamagedArchiveError } from '../../../src/archive/archive-errors.ts';
import { scratch } from '../../support/scratch.ts';
import { buildTree } from '../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../support/archives.ts';
import { assemble, forge, manifestBytes } from '../support/craft.ts';
import { data, refuses, tree } from '../support/refuses.ts';

describe('objects that are not archives', () => {
  test.each([
    ['no bytes', Buffer.alloc(0)],
    ['text', Buffer.from('<html>404</html>'.repeat(100))],
    ['zeros', Buffer.alloc(5000)],
    ['a plain zstd file', zstdCompressSync(data)],
  ])('an object of %s is refused', async (_, object) => {
    await refuses(object, 'it does not end in a seek table', { seenInData: true });
  });

  test('an archive with missing bytes is refused', async () => {
    const from = await buildTree(scratch(), { 'tree/a': data, 'tree/b': 'b' });
    const { object } = await packTree(layoutIn(from));
    const layout = layoutIn(scratch());
    for (let length = 0; length < object.length; length += 97) {
      await expect(restoreBytes(object.subarray(0, length), layout)).rejects.toThrow(DamagedArchiveError);
      await expect(restoreBytes(object.subarray(length + 1), layout)).rejects.toThrow(DamagedArchiveError);
    }
  });

  test('a seek table that does not fit the object is refused', async () => {
    const { frames, columns } = forge(tree({ name: 'a', data }));
    const sound = assemble(frames, zstdCompressSync(manifestBytes(columns)));
    const change = (at: number, value: number) => {
      const object = Buffer.from(sound);
      object.writeUInt32LE(value, object.length + at);
      return object;
    };
    await refuses(change(-9, 0xffffffff), 'its seek table states 4294967295 frames');
    await refuses(change(-9, 0), 'its seek table has a wrong header');
    await refuses(change(-33, 0), 'its seek table has a wrong header');
    await refuses(change(-25, 0xffffffff), 'its frames are longer than the object');
    await refuses(change(-25, 1), 'its seek table does not lead to a manifest', { seenInData: true });
    const flagged = Buffer.from(sound);
    flagged[flagged.length - 5] = 0x80;
    await refuses(flagged, 'its seek table has unsupported flags');
  });
});
