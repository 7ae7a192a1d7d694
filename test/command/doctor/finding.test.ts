import { expect, test } from 'vitest';
import { type Finding, makeCheck } from '../../../src/command/doctor/finding.ts';

const advice = { result: 'limited', meaning: 'jobs wait.', fix: 'allow it.' } as const;

test('a check that succeeds is reported with its facts and without advice', async () => {
  const findings: Finding[] = [];
  const isOk = await makeCheck(
    finding => findings.push(finding),
    'get',
    async () => '10 bytes',
    advice,
  );
  expect(isOk).toBe(true);
  expect(findings).toEqual([{ check: 'get', result: 'ok', found: '10 bytes' }]);
});

test('a check that fails is reported as one sentence with its advice', async () => {
  const findings: Finding[] = [];
  const fail = () => Promise.reject(new Error('connection refused'));
  expect(await makeCheck(finding => findings.push(finding), 'get', fail, advice)).toBe(false);
  expect(findings).toEqual([{ check: 'get', ...advice, found: 'Connection refused.' }]);
});

test('a report that an interrupt ends is no failed check', async () => {
  const interrupted = () => {
    throw new Error('interrupted');
  };
  await expect(makeCheck(interrupted, 'get', async () => '', advice)).rejects.toThrow('interrupted');
});
