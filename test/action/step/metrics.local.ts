import { execFile, execFileSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { parseInputs } from '../../../src/action/inputs/inputs.ts';
import { metricsLine } from '../../../src/action/step/metrics.ts';
import { closePhase } from '../../../src/action/step/phase.ts';
import type { PhaseFacts } from '../../../src/report/closing-line.ts';
import { unprivilegedDirectory } from '../../support/drop-privileges.ts';
import { fifos, posix, requires, root, sharedAppends, skipWithout } from '../../support/platform-needs.ts';
import { inputVariables } from '../../support/runner/process/step-variables.ts';
import { scratch } from '../../support/scratch.ts';
import { recordingRunner } from '../support.ts';

const facts: PhaseFacts = {
  op: 'restore',
  source: 's3',
  result: 'hit',
  sizeBytes: 1000,
  rawBytes: 4000,
  ms: 12.4,
  requests: 3,
  retries: 1,
};

/** Ends a phase whose metrics go to `file`. Returns the lines of the log. */
async function endPhase(
  file: string,
  env: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const runner = recordingRunner({ CACHE_S3_METRICS_FILE: file, GITHUB_REPOSITORY: 'octo/app', ...env });
  const inputs = parseInputs(inputVariables({ key: 'linux-npm-0123456789abcdef', path: 'a' }));
  await closePhase(runner, { startedMs: performance.now(), inputs }, facts);
  return runner.lines;
}

const linesOf = (file: string) =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));

test('a phase appends one line of JSON to CACHE_S3_METRICS_FILE', async () => {
  const file = path.join(scratch(), 'metrics.jsonl');
  const lines = [await endPhase(file), await endPhase(file)].flat();
  expect(lines.filter(line => line.startsWith('warning'))).toEqual([]);
  expect(linesOf(file)).toHaveLength(2);
  expect(linesOf(file)[0]).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    op: 'restore',
    result: 'hit',
    source: 's3',
    bytes: 1000,
    rawBytes: 4000,
    ms: expect.any(Number),
    requests: 0,
    retries: 0,
    repository: 'octo/app',
    keyPrefix: 'linux-npm-',
  });
});

test('without CACHE_S3_METRICS_FILE a phase writes no file and no warning', async () => {
  expect((await endPhase('')).some(line => line.includes('METRICS'))).toBe(false);
});

test('a line of metrics has at most 4096 bytes and contains no secret of the environment', async () => {
  const hostile = '\u0001"\\\n'.repeat(500);
  const line = metricsLine(facts, hostile, hostile);
  expect(Buffer.byteLength(line)).toBeLessThanOrEqual(4096);
  expect(line.indexOf('\n')).toBe(line.length - 1);
  const file = path.join(scratch(), 'metrics.jsonl');
  await endPhase(file, { INPUT_SECRETKEY: 'topsecret', AWS_SECRET_ACCESS_KEY: 'topsecret' });
  expect(readFileSync(file, 'utf8')).not.toContain('topsecret');
});

test.each<[string, (place: string) => string]>([
  ['a relative path', () => 'metrics.jsonl'],
  ['a directory', place => place],
  ['a path in a missing directory', place => path.join(place, 'missing', 'metrics.jsonl')],
  [
    'a link to another file',
    place => {
      writeFileSync(path.join(place, 'target'), '');
      symlinkSync(path.join(place, 'target'), path.join(place, 'link'));
      return path.join(place, 'link');
    },
  ],
  [
    'a FIFO without a reader',
    place => {
      skipWithout(fifos);
      execFileSync('mkfifo', [path.join(place, 'fifo')]);
      return path.join(place, 'fifo');
    },
  ],
  [
    'a file over 64 MiB',
    place => {
      const file = path.join(place, 'large');
      writeFileSync(file, '');
      truncateSync(file, 64 * 1024 * 1024 + 1);
      return file;
    },
  ],
])('for %s the phase logs one warning and writes no line', async (_, make) => {
  const place = scratch();
  mkdirSync(path.join(place, 'inner'));
  const file = make(place);
  const before = path.isAbsolute(file) ? statSync(file, { throwIfNoEntry: false })?.size : undefined;
  const warnings = (await endPhase(file)).filter(line => line.startsWith('warning'));
  expect(warnings).toEqual([
    expect.stringMatching(
      /^warning: CACHE_S3_METRICS_FILE: no line was written \(.+\); the cache is not affected\. Check the file, its permissions and its disk\.$/,
    ),
  ]);
  if (before !== undefined) expect(statSync(file).size).toBe(before);
});

test('the lines of several processes that write at once stay whole', requires(sharedAppends), async () => {
  const file = path.join(scratch(), 'metrics.jsonl');
  const source = pathToFileURL(path.resolve('src/action/step/metrics.ts')).href;
  const program = `
    const { writeMetrics } = await import('${source}');
    const facts = ${JSON.stringify(facts)};
    const env = { CACHE_S3_METRICS_FILE: process.argv[1], GITHUB_REPOSITORY: 'octo/' + 'r'.repeat(150) };
    for (let at = 0; at < 500; at++) {
      const problem = writeMetrics(env, { ...facts, sizeBytes: at }, 'k');
      if (problem) throw new Error(problem);
    }`;
  const write = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, file]);
  await Promise.all([write(), write(), write()]);
  const bytes = linesOf(file).map(line => line.bytes);
  expect(bytes).toHaveLength(1500);
  expect(bytes.filter(value => value === 499)).toHaveLength(3);
});

test(
  'a line that a full disk takes only in part is removed again, and a later one is whole',
  requires(posix),
  async () => {
    const file = path.join(scratch(), 'metrics.jsonl');
    const earlier = `${JSON.stringify({ op: 'x'.repeat(400) })}\n`;
    writeFileSync(file, earlier);
    const source = pathToFileURL(path.resolve('src/action/step/metrics.ts')).href;
    const program = `
    const { writeMetrics } = await import('${source}');
    const env = { CACHE_S3_METRICS_FILE: process.argv[1] };
    console.log(writeMetrics(env, ${JSON.stringify(facts)}, 'k'));`;
    // A block has 512 bytes for sh, and as on a full disk the system writes what has room
    const limited = ['-c', 'ulimit -f 1 && exec "$@"', 'sh', process.execPath];
    const { stdout } = await promisify(execFile)('sh', [
      ...limited,
      ...['--input-type=module', '-e', program, file],
    ]);
    expect(stdout.trim()).toBe(
      'CACHE_S3_METRICS_FILE: no line was written (the disk or a quota is full); the cache is not affected. Check the file, its permissions and its disk.',
    );
    expect(readFileSync(file, 'utf8')).toBe(earlier);
    await endPhase(file);
    expect(linesOf(file)).toHaveLength(2);
  },
);

describe('a phase of root, in a directory of another user', requires(root), () => {
  let place: string;

  beforeEach(async () => {
    place = await unprivilegedDirectory();
    onTestFinished(() => rmSync(place, { recursive: true }));
  });

  test('gives the file that it creates to the owner of the directory', async () => {
    const file = path.join(place, 'metrics.jsonl');
    await endPhase(file);
    expect(linesOf(file)).toHaveLength(1);
    expect(statSync(file).uid).toBe(statSync(place).uid);
  });

  test('leaves an empty file that exists to its owner', async () => {
    const file = path.join(place, 'metrics.jsonl');
    writeFileSync(file, '');
    await endPhase(file);
    expect(linesOf(file)).toHaveLength(1);
    expect(statSync(file).uid).toBe(0);
  });

  test('writes nothing to a file that has another name, and leaves its owner', async () => {
    const file = path.join(place, 'metrics.jsonl');
    const other = path.join(place, 'other');
    writeFileSync(other, '');
    linkSync(other, file);
    expect(await endPhase(file)).toContain(
      'warning: CACHE_S3_METRICS_FILE: no line was written (it has hard links, through which root does not write); the cache is not affected. Check the file, its permissions and its disk.',
    );
    expect(statSync(other)).toMatchObject({ size: 0, uid: 0 });
  });
});
