import { expect, test } from 'vitest';
import { type ContentHashes, newHashKey } from '../../src/archive/format/content-hashes.ts';
import { StatusRows } from '../../src/archive/fs/status-rows.ts';
import { JobRecords } from '../../src/records/job-records.ts';
import { writeTreeRecord } from '../../src/records/tree-record.ts';
import { silentLog } from '../support/silent-log.ts';

const MiB = 1024 * 1024;

test('a tree record that its hashes would make too large is written without them', () => {
  const written: number[] = [];
  const records = new JobRecords('unused', silentLog);
  records.write = (_, content) => written.push(content.length) > 0;
  const rows = new StatusRows(new BigInt64Array((200 * MiB) / 8));
  for (const hashes of [55 * MiB, 56 * MiB]) {
    const contents = { key: newHashKey(), values: Buffer.alloc(hashes) } as unknown as ContentHashes;
    const manifestBytes = new Uint8Array(100);
    writeTreeRecord(records, { object: 'v1/o', etag: 'e', version: 'v', rows, contents, manifestBytes });
  }
  expect(written.map(bytes => Math.floor(bytes / MiB))).toEqual([255, 200]);
});
