import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { repositoryFile } from '../support/checkout.ts';
import { collectRows, windowsPage } from './table.ts';

const report = (ancestorTitles: string[], title: string, status: string, skipReason?: string) => ({
  testResults: [
    { assertionResults: [{ ancestorTitles, title, status, ...(skipReason && { meta: { skipReason } }) }] },
  ],
});

test('the page of results has a row for each case and a column for each store', () => {
  const rows = collectRows([
    report(['directory store'], 'a case', 'passed'),
    report(['gateway'], 'a case', 'failed'),
    report(['gateway'], 'another | case', 'skipped', 'no links'),
    report(['a unit test'], 'not of the action', 'passed'),
  ]);
  expect(windowsPage(rows, '1 passed').split('\n').slice(-4)).toEqual([
    '|---|---|---|',
    '| a case | ok | FAILED |',
    '| another \\| case | - | not run: no links |',
    '',
  ]);
});

test('docs/results/windows.md has the form that npm run test:wine writes, and no case failed', () => {
  const page = readFileSync(repositoryFile('docs/results/windows.md'), 'utf8');
  const [start = '', end = ''] = windowsPage([], 'COUNTS').split('COUNTS');
  expect(page.slice(0, start.length)).toBe(start);
  expect(page).toContain(end.trimEnd());
  expect(page).toMatch(/one run: \d+ passed, 0 failed, \d+ skipped\./);
  expect(page).not.toContain('FAILED');
  expect(page.split('\n').filter(line => line.startsWith('| ')).length).toBeGreaterThan(30);
});
