import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { createRunner, createRunnerLog } from '../../../src/action/runner/runner.ts';
import { captureStdout } from '../../support/capture-stdout.ts';
import { scratch } from '../../support/scratch.ts';

const stdout = captureStdout();

test('a group begins before its lines and ends after them, and groups are not nested', () => {
  const log = createRunnerLog({});
  log.startGroup('Receiving 1.0 GB');
  log.info('one');
  log.startGroup('Receiving 1.0 GB');
  log.info('two');
  log.endGroup();
  log.endGroup();
  log.info('after it');
  expect(stdout.written.split(/\r?\n/)).toEqual([
    '::group::Receiving 1.0 GB',
    'one',
    'two',
    '::endgroup::',
    'after it',
    '',
  ]);
});

test.each(['notice', 'warning'] as const)(
  'a %s ends the group before it, and the next group begins again',
  level => {
    const log = createRunnerLog({});
    log.startGroup('Sending');
    log[level]('text');
    log.startGroup('Sending');
    log.endGroup();
    expect(stdout.written.split(/\r?\n/)).toEqual([
      '::group::Sending',
      '::endgroup::',
      `::${level}::text`,
      '::group::Sending',
      '::endgroup::',
      '',
    ]);
  },
);

test('a title with a line break cannot contain a command', () => {
  const log = createRunnerLog({});
  log.startGroup('a\n::error::b');
  expect(stdout.written).toMatch(/^::group::a\\n::error::b\r?\n$/);
});

test('debug lines are written only in debug mode, inside a group too', () => {
  createRunnerLog({}).debug('s3 GetObject');
  const log = createRunnerLog({ RUNNER_DEBUG: '1' });
  log.startGroup('Receiving');
  log.debug('s3 GetObject');
  expect(stdout.written.split(/\r?\n/)).toEqual(['::group::Receiving', '::debug::s3 GetObject', '']);
});

test('debug prints a stack as lines, each of them escaped', () => {
  const error = new Error('a\r name\n::error::b');
  error.stack = `Error: ${error.message}\n    at file.ts:1`;
  createRunnerLog({ RUNNER_DEBUG: '1' }).debug(error.stack);
  expect(stdout.written.split(/\r?\n/)).toEqual([
    '::debug::Error: a\\r name',
    '::debug::\\x3a:error::b',
    '::debug::    at file.ts:1',
    '',
  ]);
});

test('a step that fails prints one line and sets status 1', () => {
  const { exitCode } = process;
  try {
    createRunner({}).fail('no\n::warning::cache');
    expect([stdout.written.trimEnd(), process.exitCode]).toEqual(['::error::no\\n::warning::cache', 1]);
  } finally {
    process.exitCode = exitCode;
  }
});

test('a table of foreign text is one line of HTML in the job summary, and is not written without a summary', async () => {
  const file = path.join(scratch(), 'summary.md');
  writeFileSync(file, '');
  vi.stubEnv('GITHUB_STEP_SUMMARY', file);
  await createRunner({}).addSummary('Cache save', [['Key', 'k']]);
  expect(readFileSync(file, 'utf8')).toBe('');
  const key = 'a<b>\n\n# heading\u2028</table>';
  await createRunner({ GITHUB_STEP_SUMMARY: file }).addSummary('Cache save', [['Key', key]]);
  const cell = 'a&#60;b&#62;\\n\\n# heading\\u2028&#60;/table&#62;';
  const rows = `<h3>Cache save</h3><table><tr><td>Key</td><td>${cell}</td></tr></table>`;
  expect(readFileSync(file, 'utf8').replaceAll(/\s*\n/g, '')).toBe(rows);
});

test('a job summary that cannot be written is a warning', async () => {
  const file = path.join(scratch(), 'missing/summary.md');
  vi.stubEnv('GITHUB_STEP_SUMMARY', file);
  await createRunner({ GITHUB_STEP_SUMMARY: file }).addSummary('Cache save', [['Key', 'k']]);
  expect(stdout.written).toMatch(
    /^::warning::The job summary could not be written \(.+\); the cache is not affected\./,
  );
  vi.unstubAllEnvs();
});

test('an output is one line, and keeps every character that is not a control character', () => {
  const file = path.join(scratch(), 'output');
  writeFileSync(file, '');
  vi.stubEnv('GITHUB_OUTPUT', file);
  const runner = createRunner({});
  runner.setOutput('cache-matched-key', 'a\r\nname=x\u2028<<EOF \u200f\u{1f4a9} %0A');
  const [, value] = readFileSync(file, 'utf8').split(/\r?\n/);
  expect(value).toBe('a\\r\\nname=x\\u2028<<EOF \u200f\u{1f4a9} %0A');
  vi.unstubAllEnvs();
});
