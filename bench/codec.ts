/**
 * `node bench/codec.ts [MEGABYTES] [DIRECTORY]`: zstd implementations side by side, on frames of 4 MiB cut from a tar of
 * a real tree (node_modules by default). Rates are per second of CPU time, user and system, over all threads: the
 * machine may be busy. The figures are quoted in docs/adr/0001.
 */

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import * as mongodb from '@mongodb-js/zstd';

const FRAME_BYTES = 4 * 1024 * 1024;
const ROUNDS = 3;
const root = path.dirname(import.meta.dirname);

interface Codec {
  readonly name: string;
  compress(raw: Buffer): Buffer | Promise<Buffer>;
  decompress(frame: Buffer, rawBytes: number): Buffer | Promise<Buffer>;
}

/** `chunkBytes`: what node:zlib allocates at a time; undefined: room for the whole result. */
function nodeZlib(
  level: number,
  { windowLog, chunkBytes }: { windowLog?: number; chunkBytes?: number } = {},
): Codec {
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    ...(windowLog !== undefined && { [constants.ZSTD_c_windowLog]: windowLog }),
  };
  const chunkSize = (bytes: number) => chunkBytes ?? bytes + (bytes >> 7) + 1024;
  return {
    name: `node:zlib${windowLog ? `, window 2^${windowLog}` : ''}${chunkBytes ? `, chunkSize ${chunkBytes / 1024} KiB` : ''}`,
    compress: raw =>
      zstdCompressSync(raw, { params, chunkSize: chunkSize(raw.length), pledgedSrcSize: raw.length }),
    decompress: (frame, rawBytes) => zstdDecompressSync(frame, { chunkSize: chunkSize(rawBytes) }),
  };
}

/** Release 1.2.2 takes no level: its `compress` hands on the data alone, and the binding's default is 3. */
const mongodbLevel = 3;

function mongodbZstd(): Codec {
  return {
    name: '@mongodb-js/zstd',
    compress: raw => mongodb.compress(raw),
    decompress: frame => mongodb.decompress(frame),
  };
}

interface Figures {
  readonly name: string;
  readonly bytes: number;
  /** CPU seconds, the least of the rounds. */
  readonly compress: number;
  readonly decompress: number;
}

async function measure(codec: Codec, frames: readonly Buffer[]): Promise<Figures> {
  let [compress, decompress] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let packed: Buffer[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    packed = [];
    const begin = process.cpuUsage();
    for (const frame of frames) packed.push(await codec.compress(frame));
    compress = Math.min(compress, cpuSeconds(process.cpuUsage(begin)));
    const middle = process.cpuUsage();
    for (const [index, frame] of packed.entries()) {
      const raw = await codec.decompress(frame, frames[index]!.length);
      if (raw.length !== frames[index]!.length) throw new Error(`${codec.name} lost bytes`);
    }
    decompress = Math.min(decompress, cpuSeconds(process.cpuUsage(middle)));
  }
  const bytes = packed.reduce((sum, frame) => sum + frame.length, 0);
  return { name: codec.name, bytes, compress, decompress };
}

/** The system's program as a pipe of actions/cache uses it: one stream, one process. */
function measureProgram(level: number, raw: string, packed: string): Figures {
  const run = (command: string) => {
    const { stderr, status } = spawnSync('bash', ['-c', `TIMEFORMAT='%U %S'; time ${command}`], {
      encoding: 'utf8',
    });
    const times = /([\d.]+) ([\d.]+)\s*$/.exec(stderr);
    if (status !== 0 || !times) throw new Error(`${command}: ${stderr}`);
    return Number(times[1]) + Number(times[2]);
  };
  const best = (command: string) => Math.min(...Array.from({ length: ROUNDS }, () => run(command)));
  const compress = best(`zstd -q -f -T1 -${level} < '${raw}' > '${packed}'`);
  const decompress = best(`zstd -q -d < '${packed}' > /dev/null`);
  return { name: 'zstd program, one stream', bytes: fs.statSync(packed).size, compress, decompress };
}

function cpuSeconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}

function print(level: number, rawBytes: number, figures: readonly Figures[]): void {
  const rate = (seconds: number) => String(Math.round(rawBytes / 1e6 / seconds));
  console.log(`\n| level ${level} | compress, MB/CPU s | decompress, MB/CPU s | size |`);
  console.log('|---|---|---|---|');
  for (const { name, compress, decompress, bytes } of figures) {
    const share = `${((100 * bytes) / rawBytes).toFixed(2)} %`;
    console.log(`| ${name} | ${rate(compress)} | ${rate(decompress)} | ${share} |`);
  }
}

const [megabytes = '256', directory = path.join(root, 'node_modules')] = process.argv.slice(2);
const scratch = fs.mkdtempSync(path.join(tmpdir(), 'cache-s3-codec-'));
try {
  const [tar, packed] = [path.join(scratch, 'tree.tar'), path.join(scratch, 'tree.tar.zst')];
  const limit = `head -c ${Number(megabytes) * 1e6}`;
  spawnSync('bash', ['-c', `tar --sort=name -cf - -C '${directory}' . | ${limit} > '${tar}'`]);
  const raw = fs.readFileSync(tar);
  const frames: Buffer[] = [];
  for (let at = 0; at < raw.length; at += FRAME_BYTES) frames.push(raw.subarray(at, at + FRAME_BYTES));
  console.log(
    `${(raw.length / 1e6).toFixed(0)} MB of tar, ${frames.length} frames; Node ${process.versions.node}, zstd ${process.versions.zstd}`,
  );
  for (const level of [1, 3]) {
    print(level, raw.length, [
      await measure(nodeZlib(level), frames),
      await measure(nodeZlib(level, { windowLog: 22 }), frames),
      await measure(nodeZlib(level, { windowLog: 22, chunkBytes: 16 * 1024 }), frames),
      ...(level === mongodbLevel ? [await measure(mongodbZstd(), frames)] : []),
      measureProgram(level, tar, packed),
    ]);
  }
} finally {
  fs.rmSync(scratch, { recursive: true });
}
