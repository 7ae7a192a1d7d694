import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { metricsLine } from '../../src/action/step/metrics.ts';
import { scratch } from '../support/scratch.ts';
import { jsonBlocks, projectRoot, read } from './documents.ts';

const script = path.join(projectRoot, 'docs/metrics/textfile.mjs');

/** A phase of a restore of 1000 bytes that took half a second. */
const restore = (result: string, repository = 'octo/app', key = 'npm-0123456789abcdef') =>
  metricsLine(
    { op: 'restore', source: 's3', result, sizeBytes: 1000, ms: 500, requests: 2, retries: 0 },
    repository,
    key,
  );

/** Sums lines with the script. Returns the samples without comments. */
function sum(lines: string): string[] {
  const directory = scratch();
  const [from, to] = [path.join(directory, 'metrics.jsonl'), path.join(directory, 'cache-s3.prom')];
  writeFileSync(from, lines);
  execFileSync(process.execPath, [script, from, to]);
  expect(readdirSync(directory).toSorted()).toEqual(['cache-s3.prom', 'metrics.jsonl']);
  return readFileSync(to, 'utf8')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'));
}

const labels = (result: string, repository = 'octo/app', prefix = 'npm-') =>
  `{op="restore",result="${result}",source="s3",repository="${repository}",key_prefix="${prefix}"}`;

test('textfile.mjs sums the lines of each repository, key prefix and result', () => {
  const samples = sum(restore('hit') + restore('hit') + restore('miss') + restore('hit', 'octo/lib'));
  expect(samples).toEqual(
    expect.arrayContaining([
      `cache_s3_phases_total${labels('hit')} 2`,
      `cache_s3_phases_total${labels('miss')} 1`,
      `cache_s3_phases_total${labels('hit', 'octo/lib')} 1`,
      `cache_s3_seconds_total${labels('hit')} 1`,
      `cache_s3_bytes_total${labels('hit')} 2000`,
      `cache_s3_requests_total${labels('miss')} 2`,
    ]),
  );
});

test('textfile.mjs skips lines that are torn, and escapes labels', () => {
  const torn = restore('hit').slice(0, 40);
  const samples = sum(`${torn}\n[]\nnull\n{}\n${restore('hit', 'octo/"app\\', 'a\nb')}`);
  expect(samples.filter(line => line.startsWith('cache_s3_phases'))).toEqual([
    `cache_s3_phases_total${labels('hit', 'octo/\\"app\\\\', 'a\\nb')} 1`,
  ]);
});

test('textfile.mjs writes a file also before the first line of metrics', () => {
  const directory = scratch();
  execFileSync(process.execPath, [script, path.join(directory, 'none'), path.join(directory, 'out.prom')]);
  expect(readFileSync(path.join(directory, 'out.prom'), 'utf8')).toContain(
    '# TYPE cache_s3_phases_total counter',
  );
});

test('textfile.mjs renames a large file after it has been summed', () => {
  const directory = scratch();
  const [from, to] = [path.join(directory, 'metrics.jsonl'), path.join(directory, 'cache-s3.prom')];
  writeFileSync(from, restore('hit'));
  appendFileSync(from, '\n'.repeat(17 * 1024 * 1024));
  execFileSync(process.execPath, [script, from, to]);
  expect(readFileSync(to, 'utf8')).toContain(`cache_s3_phases_total${labels('hit')} 1`);
  expect(existsSync(from)).toBe(false);
  expect(statSync(`${from}.1`).size).toBeGreaterThan(16 * 1024 * 1024);
});

test('docs/metrics.md shows the fields of a line, and the counters of the script', () => {
  const [example = ''] = jsonBlocks('docs/metrics.md', 'Metrics');
  const facts = { op: 'restore', source: 's3', result: 'hit', sizeBytes: 1, rawBytes: 1, ms: 1 } as const;
  const line = metricsLine({ ...facts, requests: 1, retries: 0 }, 'o/r', 'k');
  expect(Object.keys(JSON.parse(example))).toEqual(Object.keys(JSON.parse(line)));
  const document = read('docs/metrics.md');
  for (const field of [...Object.keys(JSON.parse(line)), 'reusedBytes'])
    expect(document).toContain(`\`${field}\``);
  const counters = sum(restore('hit')).map(sample => sample.split('{')[0]!);
  for (const counter of counters) expect(document).toContain(`\`${counter}\``);
});
