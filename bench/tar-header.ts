/**
 * `node bench/tar-header.ts [ENTRIES]`: what the tar headers of small files cost, written by tar-stream's `pack` and by
 * ours, into frames of 4 MiB. CPU time of this process, the least of three rounds. Quoted in docs/adr/0003.
 */

import { pack } from 'tar-stream';
import { EntryType } from '../src/archive/format/entry.ts';
import { padding } from '../src/archive/format/tar-blocks.ts';
import { type TarMember, writeHeader } from '../src/archive/format/tar-header.ts';

const FRAME_BYTES = 4 * 1024 * 1024;
const ROUNDS = 3;
const count = Number(process.argv[2] ?? 111_000);

/** Small files as a package manager leaves them: deep names, some over 100 bytes, times with a fraction. */
const members: TarMember[] = Array.from({ length: count }, (_, index) => ({
  name: `./node_modules/package-${index % 900}/dist/${index % 7 === 0 ? 'a-rather-long-directory-name/'.repeat(3) : ''}module-${index}.js`,
  type: EntryType.file,
  mode: 0o644,
  mtimeUs: 1_700_000_000_123_456 + index,
  mtimeRestNs: index % 1000,
  size: 1000,
  linkName: '',
  uid: 1000,
  gid: 1000,
}));
const data = Buffer.alloc(1000, 'x');

function ours(): number {
  const frame = Buffer.allocUnsafeSlow(FRAME_BYTES + 64 * 1024);
  let [at, total] = [0, 0];
  for (const member of members) {
    at = writeHeader(frame, at, member);
    at += data.copy(frame, at);
    const zeros = padding(data.length);
    frame.fill(0, at, at + zeros);
    at += zeros;
    if (at < FRAME_BYTES) continue;
    total += at;
    at = 0;
  }
  return total + at;
}

async function tarStream(): Promise<number> {
  const stream = pack();
  const frame = Buffer.allocUnsafeSlow(FRAME_BYTES + 64 * 1024);
  let [at, total] = [0, 0];
  const ended = new Promise((resolve, reject) =>
    stream.on('end', () => resolve(undefined)).on('error', reject),
  );
  stream.on('data', data => {
    const chunk = data as Buffer;
    if (at + chunk.length > FRAME_BYTES) {
      total += at;
      at = 0;
    }
    at += chunk.copy(frame, at);
  });
  for (const { name, mode, mtimeUs, size, uid, gid } of members) {
    const mtime = `${Math.floor(mtimeUs / 1e6)}.${String(mtimeUs % 1e6).padStart(6, '0')}`;
    const header = { name, mode, size, uid, gid, mtime: new Date(mtimeUs / 1000), pax: { mtime } };
    await new Promise<void>((resolve, reject) => {
      stream.entry(header, data, error => (error ? reject(error) : resolve()));
    });
  }
  stream.finalize();
  await ended;
  return total + at;
}

async function measure(name: string, work: () => number | Promise<number>): Promise<void> {
  let [least, bytes] = [Number.POSITIVE_INFINITY, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const begin = process.cpuUsage();
    bytes = await work();
    const { user, system } = process.cpuUsage(begin);
    least = Math.min(least, (user + system) / 1e6);
  }
  const each = ((least * 1e6) / count).toFixed(1);
  console.log(`| ${name} | ${least.toFixed(2)} s | ${each} µs | ${(bytes / 1e6).toFixed(1)} MB |`);
}

console.log(`${count} files of 1000 bytes, Node ${process.versions.node}\n`);
console.log('| headers by | CPU time | an entry | tar |');
console.log('|---|---|---|---|');
await measure('tar-stream, `pack`', tarStream);
await measure('`writeHeader`', ours);
