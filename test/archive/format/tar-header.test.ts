import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { EntryType } from '../../../src/archive/format/entry.ts';
import {
  headerBound,
  replaceFraction,
  type TarMember,
  writeHeader,
} from '../../../src/archive/format/tar-header.ts';

const member = (more: Partial<TarMember>): TarMember => ({
  name: './x',
  type: EntryType.file,
  mode: 0o644,
  mtimeUs: 1_600_000_000_000_000,
  mtimeRestNs: 0,
  size: 0,
  linkName: '',
  uid: -1,
  gid: -1,
  ...more,
});

/** The header's bytes, in a buffer that held other things before. */
function bytesOf(one: TarMember): Buffer {
  const target = Buffer.alloc(7 + headerBound(one.name, one.linkName), 0xee);
  const end = writeHeader(target, 7, one);
  expect(end).toBeLessThanOrEqual(target.length);
  expect((end - 7) % 512).toBe(0);
  return target.subarray(7, end);
}

/** Reads a header with an independent reader. */
async function readBack(one: TarMember): Promise<Header & { pax: Record<string, string> }> {
  const tar = extract();
  const found: Header[] = [];
  tar.on('entry', (header, stream, next) => {
    found.push(header);
    stream.on('end', next).resume();
  });
  // Only the header of a large file is read
  await pipeline(Readable.from([bytesOf({ ...one, size: 0 }), Buffer.alloc(1024)]), tar);
  expect(found.length).toBe(1);
  return { ...found[0]!, pax: (found[0] as { pax?: Record<string, string> }).pax ?? {} } as Header & {
    pax: Record<string, string>;
  };
}

describe('names', () => {
  test.each([
    ['100 bytes', `./${'a'.repeat(98)}`, 512],
    ['101 bytes', `./${'a'.repeat(99)}`, 1536],
    ['100 letters of 101 bytes', `./${'a'.repeat(97)}ü`, 1536],
    ['a page of letters', `./${'ü/'.repeat(2000)}z`, undefined],
    ['a new line', './a\nb', 512],
    ['a digit and a blank, as a pax record begins', './12 path=/etc/passwd\n', 512],
  ])('a name of %s is read back', async (_, name, length) => {
    if (length !== undefined) expect(bytesOf(member({ name })).length).toBe(length);
    expect((await readBack(member({ name }))).name).toBe(name);
  });

  test('the length of a pax record includes its own digits', async () => {
    // Around the lengths at which the number gets another digit
    for (let length = 80; length < 130; length++) {
      const name = `./${'ü'.repeat(length)}`;
      expect((await readBack(member({ name }))).name).toBe(name);
    }
    for (const length of [985, 986, 987, 988, 989, 990, 991, 992, 9975, 9985]) {
      const name = './'.padEnd(length, 'n');
      expect((await readBack(member({ name }))).name).toBe(name);
    }
  });

  test('long and non-ASCII link targets are read back', async () => {
    const target = '../'.repeat(80);
    expect(await readBack(member({ type: EntryType.symlink, linkName: target }))).toMatchObject({
      type: 'symlink',
      linkname: target,
    });
    expect(await readBack(member({ type: EntryType.hardLink, linkName: './ü' }))).toMatchObject({
      type: 'link',
      linkname: './ü',
    });
  });

  test('names that are not UTF-8 are marked as binary', async () => {
    for (const odd of [{ name: './caf\udce9' }, { type: EntryType.symlink, linkName: '\udcff' }]) {
      expect((await readBack(member(odd))).pax.hdrcharset).toBe('BINARY');
    }
    expect((await readBack(member({ name: './café' }))).pax).not.toHaveProperty('hdrcharset');
  });
});

describe('numbers', () => {
  test.each([
    [0, 0, undefined],
    [0, 1, '0.000000001'],
    [1_600_000_000_000_000, 0, undefined],
    [1_600_000_000_000_001, 0, '1600000000.000001000'],
    [1_600_000_000_100_000, 20, '1600000000.100000020'],
    [2 ** 52 - 1, 999, '4503599627.370495999'],
  ])('the time %i us and %i ns is read back', async (mtimeUs, mtimeRestNs, pax) => {
    const header = await readBack(member({ mtimeUs, mtimeRestNs }));
    expect(header.pax.mtime).toBe(pax);
    expect(header.mtime?.getTime()).toBe(Math.floor(mtimeUs / 1e6) * 1000);
  });

  test.each([
    [1_600_000_000_000_001, 0],
    [999_999, 5],
    [2 ** 52 - 1, 999],
  ])('the fraction of the time %i us and %i ns is replaced', (mtimeUs, mtimeRestNs) => {
    for (const [ns, more] of [
      [1, {}],
      [999_999_999, { name: './ü' }],
      [123_456_789, { name: './\udcff', uid: 0o10000000, size: 9_000_000_000 }],
    ] as const) {
      const second = Math.floor(mtimeUs / 1e6);
      const other = { mtimeUs: second * 1e6 + Math.floor(ns / 1000), mtimeRestNs: ns % 1000 };
      const from = member({ ...more, mtimeUs, mtimeRestNs });
      const bytes = bytesOf(from);
      expect(replaceFraction(bytes, 0, from, other)).toBe(true);
      expect(bytes.equals(bytesOf({ ...from, ...other }))).toBe(true);
    }
  });

  test('a time of another second or of a whole second is not replaced', () => {
    const from = { mtimeUs: 5_000_001, mtimeRestNs: 0 };
    const bytes = bytesOf(member(from));
    for (const [a, b] of [
      [from, { ...from, mtimeUs: 6_000_001 }],
      [from, { ...from, mtimeUs: 5_000_000 }],
      [{ ...from, mtimeUs: 5_000_000 }, from],
    ] as const)
      expect(replaceFraction(bytes, 0, a, b)).toBe(false);
    expect(bytes.equals(bytesOf(member(from)))).toBe(true);
  });

  test.each([0, 0o7777777])('the owner %i is in the ustar header', async uid => {
    expect(await readBack(member({ uid, gid: uid }))).toMatchObject({ uid, gid: uid, pax: {} });
  });

  test.each([0o10000000, 4_294_967_294])('the owner %i is in a pax record', async uid => {
    expect((await readBack(member({ uid, gid: uid }))).pax).toEqual({ uid: `${uid}`, gid: `${uid}` });
  });

  test('a member without an owner has owner 0', async () => {
    expect(await readBack(member({}))).toMatchObject({ uid: 0, gid: 0 });
  });

  test('a size above 8 GiB is in a pax record', () => {
    const bytes = bytesOf(member({ size: 9_000_000_000 }));
    expect(bytes.toString('latin1')).toContain('size=9000000000\n');
  });

  test.each([0, 0o644, 0o7777])('the mode %o is read back', async mode => {
    expect((await readBack(member({ mode }))).mode).toBe(mode);
  });
});
