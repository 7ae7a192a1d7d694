import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRunner, createRunnerLog } from '../../../src/action/runner/runner.ts';

let written = '';

beforeEach(() => {
  written = '';
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    written += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

test('lines of a group stand between its commands, and there is one at a time', () => {
  const log = createRunnerLog({});
  log.startGroup('Receiving 1.0 GB');
  log.info('one');
  log.startGroup('Receiving 1.0 GB');
  log.info('two');
  log.endGroup();
  log.endGroup();
  log.info('after it');
  expect(written.split(/\r?\n/)).toEqual([
    '::group::Receiving 1.0 GB',
    'one',
    'two',
    '::endgroup::',
    'after it',
    '',
  ]);
});

test.each(['notice', 'warning'] as const)(
  'a %s is not folded away, and the next line opens a group again',
  level => {
    const log = createRunnerLog({});
    log.startGroup('Sending');
    log[level]('look');
    log.startGroup('Sending');
    log.endGroup();
    expect(written.split(/\r?\n/)).toEqual([
      '::group::Sending',
      '::endgroup::',
      `::${level}::look`,
      '::group::Sending',
      '::endgroup::',
      '',
    ]);
  },
);

test('the title obeys nobody', () => {
  const log = createRunnerLog({});
  log.startGroup('a\n::error::b');
  expect(written).toMatch(/^::group::a\\n::error::b\r?\n$/);
});

test('debug lines are written in debug mode only, in a group too', () => {
  createRunnerLog({}).debug('s3 GetObject');
  const log = createRunnerLog({ RUNNER_DEBUG: '1' });
  log.startGroup('Receiving');
  log.debug('s3 GetObject');
  expect(written.split(/\r?\n/)).toEqual(['::group::Receiving', '::debug::s3 GetObject', '']);
});

test('debug prints a stack as lines, each of them escaped', () => {
  const error = new Error('a\r name\n::error::b');
  error.stack = `Error: ${error.message}\n    at file.ts:1`;
  createRunnerLog({ RUNNER_DEBUG: '1' }).debug(error.stack);
  expect(written.split(/\r?\n/)).toEqual([
    '::debug::Error: a\\r name',
    '::debug::\\x3a:error::b',
    '::debug::    at file.ts:1',
    '',
  ]);
});

test('a step that fails says one line and ends with status 1', () => {
  const { exitCode } = process;
  try {
    createRunner({}).fail('no\n::warning::cache');
    expect([written.trimEnd(), process.exitCode]).toEqual(['::error::no\\n::warning::cache', 1]);
  } finally {
    process.exitCode = exitCode;
  }
});

test('a table goes into the job summary, where there is one', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'cache-s3-summary-'));
  const file = path.join(directory, 'summary.md');
  writeFileSync(file, '');
  vi.stubEnv('GITHUB_STEP_SUMMARY', file);
  try {
    await createRunner({}).addSummary('Cache save', [['Key', 'k']]);
    expect(readFileSync(file, 'utf8')).toBe('');
    await createRunner({ GITHUB_STEP_SUMMARY: file }).addSummary('Cache save', [['Key', 'a&#60;b']]);
    const rows = '<h3>Cache save</h3><table><tr><td>Key</td><td>a&#60;b</td></tr></table>';
    expect(readFileSync(file, 'utf8').replaceAll(/\s*\n/g, '')).toBe(rows);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
