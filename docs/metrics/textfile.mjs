// Sums the lines of CACHE_S3_METRICS_FILE for the textfile collector of Prometheus' node_exporter. Needs Node.js 18 or
// later; a runner has one in externals/. Run it every minute, by cron or a timer, as a user who may write both files:
//
//     node textfile.mjs /var/lib/cache-s3/metrics.jsonl /var/lib/node_exporter/cache-s3.prom
//
// It renames a file over 16 MiB to <file>.1 after it has been summed. The counters then begin at 0 again, as after a
// restart of a server; rate() and increase() take that into account.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';

const ROTATE_BYTES = 16 * 1024 * 1024;
/** Bound of the number of series: any job of the runner can write any repository into the file. */
const MAX_SERIES = 10_000;

const COUNTERS = [
  ['phases', 'Phases of steps.', () => 1],
  ['seconds', 'Duration of the phases.', line => line.ms / 1000],
  ['bytes', 'Size of the stored caches that were restored or saved.', line => line.bytes],
  ['file_bytes', 'Uncompressed size of the files that were restored or saved.', line => line.rawBytes],
  ['reused_bytes', 'Bytes that incremental saves copied inside the store.', line => line.reusedBytes],
  ['requests', 'Requests to the store.', line => line.requests],
  ['retries', 'Requests that were repeated.', line => line.retries],
];
const LABELS = [
  ['op', 'op'],
  ['result', 'result'],
  ['source', 'source'],
  ['repository', 'repository'],
  ['key_prefix', 'keyPrefix'],
];

const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) {
  console.error('usage: node textfile.mjs <metrics.jsonl> <metrics.prom>');
  process.exit(2);
}

/** The sums of each series, in the order of COUNTERS. */
const series = new Map();

const content = readLines();
for (const text of content.split('\n')) if (text !== '') add(text);
// node_exporter must not read half a file
writeFileSync(`${to}.new`, format());
renameSync(`${to}.new`, to);
if (content.length > ROTATE_BYTES) renameSync(from, `${from}.1`);

function readLines() {
  try {
    return readFileSync(from, 'utf8');
  } catch (error) {
    // No job has written a line yet
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

function add(text) {
  let line;
  try {
    line = JSON.parse(text);
  } catch {
    // A line that a full disk has cut
    return;
  }
  if (typeof line?.op !== 'string') return;
  const labels = LABELS.map(([label, field]) => `${label}="${escaped(String(line[field] ?? ''))}"`).join(',');
  let sums = series.get(labels);
  if (sums === undefined) {
    if (series.size === MAX_SERIES) return;
    sums = COUNTERS.map(() => 0);
    series.set(labels, sums);
  }
  for (const [index, [, , read]] of COUNTERS.entries()) {
    const value = read(line);
    if (Number.isFinite(value) && value >= 0) sums[index] += value;
  }
}

function escaped(value) {
  return value
    .slice(0, 200)
    .replace(/[\\"\n]/g, character => (character === '\n' ? '\\n' : `\\${character}`));
}

function format() {
  const lines = COUNTERS.flatMap(([name, help], index) => [
    `# HELP cache_s3_${name}_total ${help}`,
    `# TYPE cache_s3_${name}_total counter`,
    ...[...series].map(([labels, sums]) => `cache_s3_${name}_total{${labels}} ${sums[index]}`),
  ]);
  return `${lines.join('\n')}\n`;
}
