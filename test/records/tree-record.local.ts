import * as fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/archive/format/codec.ts';
import { ContentHashes, newHashKey } from '../../src/archive/format/content-hashes.ts';
import { joinColumns } from '../../src/archive/format/manifest/columns.ts';
import { openArchive } from '../../src/archive/format/open-archive.ts';
import { lstatExact } from '../../src/archive/fs/file-status.ts';
import { StatusRows } from '../../src/archive/fs/status-rows.ts';
import { JobRecords } from '../../src/records/job-records.ts';
import {
  findTreeRecord,
  type NewTreeRecord,
  readTreeRecord,
  writeTreeRecord,
} from '../../src/records/tree-record.ts';
import { layoutIn, packTree, tailOf } from '../archive/support/archives.ts';
import { posix, requires, root } from '../support/platform-needs.ts';
import { scratch } from '../support/scratch.ts';
import { silentLog } from '../support/silent-log.ts';
import { buildTree } from '../support/tree.ts';

async function newRecord(overrides: Partial<NewTreeRecord> = {}): Promise<NewTreeRecord> {
  const workspace = await buildTree(scratch(), { 'tree/a': 'a', 'tree/b': 'b' });
  const { object } = await packTree(layoutIn(workspace));
  const { manifest, manifestBytes } = await openArchive(tailOf(object), object.length, () => {
    throw new Error('all of it is in the tail');
  });
  const contents = new ContentHashes(manifest, newHashKey());
  contents.values.fill(7);
  const rows = StatusRows.of(manifest.entries.length);
  rows.set(1, lstatExact(path.join(workspace, 'tree/a'))!);
  return { object: 'v1/o', etag: 'e', version: 'v', rows, contents, manifestBytes, ...overrides };
}

const recordsIn = (directory: string) => new JobRecords(directory, silentLog);

const onlyFile = (directory: string) => path.join(directory, fs.readdirSync(directory)[0]!);

test('a tree record is read as it was written', async () => {
  const directory = scratch();
  const record = await newRecord();
  writeTreeRecord(recordsIn(directory), record);
  const read = (await readTreeRecord(recordsIn(directory), 'v1/o', 'e'))!;
  expect(read).toMatchObject({ object: 'v1/o', etag: 'e', version: 'v' });
  expect(read.manifest.entries.map(({ name }) => name)).toEqual(['./tree/', './tree/a', './tree/b']);
  expect(read.rows.values).toEqual(record.rows.values);
  expect(read.contents).toEqual(record.contents);
  expect(await findTreeRecord(recordsIn(directory), 'v')).toEqual(read);
});

test('a tree record without hashes of contents is read as it was written', async () => {
  const directory = scratch();
  writeTreeRecord(recordsIn(directory), await newRecord({ contents: undefined }));
  const read = await readTreeRecord(recordsIn(directory), 'v1/o', 'e');
  expect(read?.manifest.entries).toHaveLength(3);
  expect(read?.contents).toBeUndefined();
});

test(
  'a tree record can be read only by its owner, since it has the names of files',
  requires(posix),
  async () => {
    const directory = scratch();
    writeTreeRecord(recordsIn(directory), await newRecord());
    expect(fs.statSync(onlyFile(directory)).mode & 0o777).toBe(0o600);
  },
);

test('a tree record is not found for another object, ETag or version', async () => {
  const directory = scratch();
  writeTreeRecord(recordsIn(directory), await newRecord());
  expect(await readTreeRecord(recordsIn(directory), 'v1/other', 'e')).toBeUndefined();
  expect(await readTreeRecord(recordsIn(directory), 'v1/o', 'f')).toBeUndefined();
  expect(await findTreeRecord(recordsIn(directory), 'w')).toBeUndefined();
  expect(await readTreeRecord(recordsIn(path.join(directory, 'none')), 'v1/o', 'e')).toBeUndefined();
  expect(await findTreeRecord(recordsIn(path.join(directory, 'none')), 'v')).toBeUndefined();
});

test('the newest of several tree records is found, and a record replaces that of the same object', async () => {
  const directory = scratch();
  for (const etag of ['1', '2', '3']) writeTreeRecord(recordsIn(directory), await newRecord({ etag }));
  expect((await findTreeRecord(recordsIn(directory), 'v'))?.etag).toBe('3');
  writeTreeRecord(recordsIn(directory), await newRecord({ etag: '1' }));
  expect((await findTreeRecord(recordsIn(directory), 'v'))?.etag).toBe('1');
  expect(fs.readdirSync(directory)).toHaveLength(3);
});

test('files of another user do not hide a tree record', requires(root), async () => {
  const directory = scratch();
  writeTreeRecord(recordsIn(directory), await newRecord());
  const later = Date.now() / 1000 + 60;
  for (let index = 0; index < 20; index++) {
    const file = path.join(directory, `cache-s3-tree-${String(index).padStart(64, '0')}`);
    fs.writeFileSync(file, '');
    fs.utimesSync(file, later, later);
    fs.chownSync(file, 65534, 65533);
  }
  expect((await findTreeRecord(recordsIn(directory), 'v'))?.etag).toBe('e');
});

describe('a tree record is ignored', () => {
  /** Writes a record, changes its file, and searches for it both ways. */
  async function broken(change: (bytes: Buffer, file: string) => Uint8Array | undefined) {
    const directory = scratch();
    writeTreeRecord(recordsIn(directory), await newRecord());
    const file = onlyFile(directory);
    const bytes = change(fs.readFileSync(file), file);
    if (bytes) fs.writeFileSync(file, bytes);
    return [
      await readTreeRecord(recordsIn(directory), 'v1/o', 'e'),
      await findTreeRecord(recordsIn(directory), 'v'),
    ];
  }
  const none = [undefined, undefined];

  test('if any of its bytes has changed', async () => {
    const directory = scratch();
    writeTreeRecord(recordsIn(directory), await newRecord());
    const file = onlyFile(directory);
    const bytes = fs.readFileSync(file);
    for (let at = 0; at < bytes.length; at++) {
      const other = Buffer.from(bytes);
      other[at]! ^= 1 << (at % 8);
      fs.writeFileSync(file, other);
      expect(await readTreeRecord(recordsIn(directory), 'v1/o', 'e'), `byte ${at}`).toBeUndefined();
    }
  });

  test('if it is cut short, empty or too long', async () => {
    expect(await broken(bytes => bytes.subarray(0, -8))).toEqual(none);
    expect(await broken(() => Buffer.alloc(0))).toEqual(none);
    expect(await broken(bytes => Buffer.concat([bytes, Buffer.alloc(64)]))).toEqual(none);
  });

  test('if it is of another object than its name', async () => {
    const directory = scratch();
    writeTreeRecord(recordsIn(directory), await newRecord());
    const name = onlyFile(directory);
    fs.rmSync(name);
    writeTreeRecord(recordsIn(directory), await newRecord({ object: 'v1/other' }));
    fs.renameSync(onlyFile(directory), name);
    expect(await readTreeRecord(recordsIn(directory), 'v1/o', 'e')).toBeUndefined();
  });

  test.each([1, 4])('if it has format %i of another release', async format => {
    const changed = (bytes: Buffer) => {
      const body = Buffer.from(bytes.subarray(32));
      body.write(`"format":${format}`, body.indexOf('"format":3'));
      return Buffer.concat([sha256(body), body]);
    };
    expect(await broken(changed)).toEqual(none);
    const same = await broken(bytes => Buffer.concat([sha256(bytes.subarray(32)), bytes.subarray(32)]));
    expect(same[0], 'the test breaks what it means to').toBeDefined();
  });

  const rightHead = { format: 3, object: 'v1/o', etag: 'e', version: 'v' };

  /** Replaces the body of a record, whose hash is then right. */
  const replaced = (body: Uint8Array) => broken(() => Buffer.concat([sha256(body), body]));

  /** Makes a record that is right except for what is given. */
  async function bodyOf(head: unknown, tables?: Partial<Record<'rows' | 'key' | 'values', Uint8Array>>) {
    const { manifestBytes, rows, contents } = await newRecord();
    const { key, values } = contents!;
    const right = { rows: new Uint8Array(rows.values.buffer), key, values, ...tables };
    const text = typeof head === 'string' ? head : JSON.stringify(head);
    return joinColumns([Buffer.from(text), manifestBytes, right.rows, right.key, right.values]);
  }

  test.each([
    ['a head above its limit', `${JSON.stringify(rightHead)}${' '.repeat(64 * 1024)}`],
    ['a head that is no JSON', '{'],
    ['a head that is null', 'null'],
    ['a name that is no text', { ...rightHead, object: ['v1/o'] }],
    ['an ETag that is no text', { ...rightHead, etag: undefined }],
    ['a version that is no text', { ...rightHead, version: { v: 1 } }],
  ])('if it has %s', async (_, head) => {
    expect(await replaced(await bodyOf(head))).toEqual(none);
    const [same] = await replaced(await bodyOf(rightHead));
    expect(same, 'the test breaks what it means to').toBeDefined();
  });

  test.each([
    ['rows', 3 * 64 - 1],
    ['key', 7],
    ['values', 15],
  ])('if its %s have a wrong length', async (name, length) => {
    expect(await replaced(await bodyOf(rightHead, { [name]: new Uint8Array(length) }))).toEqual(none);
  });

  test('if the length of a part is above the rest of the record', async () => {
    const body = await bodyOf(rightHead);
    expect(await replaced(body.subarray(0, -1))).toEqual(none);
  });

  test('if its rows are of another tree', async () => {
    const directory = scratch();
    writeTreeRecord(recordsIn(directory), await newRecord({ rows: StatusRows.of(2) }));
    expect(await readTreeRecord(recordsIn(directory), 'v1/o', 'e')).toBeUndefined();
  });

  test('if a directory has its name, or if a killed process left it unfinished', async () => {
    expect(
      await broken((_, file) => {
        fs.rmSync(file);
        fs.mkdirSync(file);
        return undefined;
      }),
    ).toEqual(none);
    expect(
      await broken((_, file) => {
        fs.renameSync(file, `${file}.new`);
        return undefined;
      }),
    ).toEqual(none);
  });
});

test('the tables of a tree record are views of no other memory, which each message to a worker would copy', async () => {
  const directory = scratch();
  writeTreeRecord(recordsIn(directory), await newRecord());
  const { rows, contents } = (await readTreeRecord(recordsIn(directory), 'v1/o', 'e'))!;
  for (const table of [rows.values, contents!.key, contents!.values])
    expect(table.buffer.byteLength).toBe(table.byteLength);
});
