/**
 * `node bench/codec.ts [MEGABYTES] [DIRECTORY]`: zstd implementations side by side, on frames of 4 MiB cut from a tar of
 * a real tree (node_modules by default). The codecs take turns at each frame, and the least time of some rounds counts: a
 * frame takes a few ms, which other work on the machine mostly leaves alone. The program's rate is per second of its
 * CPU time. The figures are quoted in docs/adr/0001.
 */

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import * as mongodb from '@mongodb-js/zstd';

const FRAME_BYTES = 4 * 1024 * 1024;
const ROUNDS = 10;
const root = path.dirname(import.meta.dirname);

interface Codec {
  readonly name: string;
  compress(raw: Buffer): Buffer | Promise<Buffer>;
  decompress(frame: Buffer, rawBytes: number): Buffer | Promise<Buffer>;
}

/** zstd's own parameters (`ZSTD_c_...`) beside the level. */
type Parameters = Partial<Record<'windowLog' | 'hashLog' | 'chainLog' | 'minMatch' | 'strategy', number>>;

/** `chunkBytes` is the size of node:zlib's buffers. By default one buffer holds the whole result. */
function nodeZlib(level: number, parameters: Parameters = {}, chunkBytes?: number): Codec {
  const chosen = Object.entries(parameters);
  const params: Record<number, number> = { [constants.ZSTD_c_compressionLevel]: level };
  for (const [name, value] of chosen) params[constants[`ZSTD_c_${name as keyof Parameters}`]] = value;
  const chunkSize = (bytes: number) => chunkBytes ?? bytes + (bytes >> 7) + 1024;
  const words = chosen.map(([name, value]) => `${name} ${value}`);
  if (chunkBytes) words.push(`chunkSize ${chunkBytes / 1024} KiB`);
  return {
    name: ['node:zlib', ...words].join(', '),
    compress: raw =>
      zstdCompressSync(raw, { params, chunkSize: chunkSize(raw.length), pledgedSrcSize: raw.length }),
    decompress: (frame, rawBytes) => zstdDecompressSync(frame, { chunkSize: chunkSize(rawBytes) }),
  };
}

/** The level of release 1.2.2, whose `compress` accepts none. */
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
  /** Seconds. */
  readonly compress: number;
  readonly decompress: number;
}

async function measure(codecs: readonly Codec[], frames: readonly Buffer[]): Promise<readonly Figures[]> {
  const all = codecs.map(({ name }) => ({ name, bytes: 0, compress: 0, decompress: 0 }));
  for (const raw of frames) {
    const best = codecs.map(() => ({
      compress: Number.POSITIVE_INFINITY,
      decompress: Number.POSITIVE_INFINITY,
      bytes: 0,
    }));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, codec] of codecs.entries()) {
        const figures = best[index]!;
        const start = performance.now();
        const packed = await codec.compress(raw);
        const middle = performance.now();
        const opened = await codec.decompress(packed, raw.length);
        const end = performance.now();
        if (opened.length !== raw.length) throw new Error(`${codec.name} lost bytes`);
        figures.compress = Math.min(figures.compress, (middle - start) / 1e3);
        figures.decompress = Math.min(figures.decompress, (end - middle) / 1e3);
        figures.bytes = packed.length;
      }
    }
    for (const [index, figures] of all.entries()) {
      figures.compress += best[index]!.compress;
      figures.decompress += best[index]!.decompress;
      figures.bytes += best[index]!.bytes;
    }
  }
  return all;
}

/** Measures the system's zstd as actions/cache uses it: one stream, one process. */
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

function print(level: number, rawBytes: number, figures: readonly Figures[]): void {
  const rate = (seconds: number) => String(Math.round(rawBytes / 1e6 / seconds));
  console.log(`\n| level ${level} | compress, MB/s | decompress, MB/s | size |`);
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
    const codecs = [
      nodeZlib(level),
      nodeZlib(level, { windowLog: 22 }),
      nodeZlib(level, { windowLog: 22 }, 16 * 1024),
      ...(level === mongodbLevel ? [mongodbZstd()] : []),
    ];
    print(level, raw.length, [...(await measure(codecs, frames)), measureProgram(level, tar, packed)]);
  }
  // The parameters of level 3 one by one, and level 2
  const tables: readonly Parameters[] = [
    {},
    { chainLog: 15 },
    { chainLog: 14 },
    { chainLog: 13 },
    { hashLog: 16 },
    { minMatch: 7 },
    { strategy: constants.ZSTD_fast, minMatch: 7 },
  ];
  const tuned = tables.map(parameters => nodeZlib(3, { windowLog: 22, ...parameters }));
  const [level2, ...level3] = await measure([nodeZlib(2, { windowLog: 22 }), ...tuned], frames);
  print(3, raw.length, level3);
  print(2, raw.length, [level2!]);
} finally {
  fs.rmSync(scratch, { recursive: true });
}
