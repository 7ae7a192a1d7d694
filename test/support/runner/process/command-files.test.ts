import { describe, expect, it } from 'vitest';
import { JobLog, StepLog } from '../job/job-log.ts';
import { parseValues } from './command-files.ts';

describe('a command file', () => {
  it('a command file holds values of one line and of several', () => {
    const text = 'a=1\nb=x=y<<z\n\nc<<EOF\nline 1\nline=2\n\nEOF\nd=\n';
    expect(parseValues('output', text)).toEqual({ a: '1', b: 'x=y<<z', c: 'line 1\nline=2\n', d: '' });
  });

  it.each([
    ['no value', 'a', "Unable to process file command 'env' successfully. Invalid format 'a'"],
    [
      'no name',
      '=1',
      "Unable to process file command 'env' successfully. Invalid format '=1'. Name must not be empty",
    ],
    [
      'no end',
      'a<<EOF\n1\n',
      "Unable to process file command 'env' successfully. Invalid value. Matching delimiter not found 'EOF'",
    ],
  ])('a command file with %s is refused', (_, text, message) => {
    expect(() => parseValues('env', text)).toThrow(message);
  });
});

describe('a step log', () => {
  function read(...lines: string[]) {
    const seen: string[] = [];
    const job = new JobLog('job', ['s3cret'], line => seen.push(line.text));
    const step = new StepLog(job, 'step', undefined);
    for (const line of lines) step.readLine(line);
    return { step, seen };
  }

  it("a step's log removes workflow commands and collects them", () => {
    const { step } = read(
      'text',
      '::warning file=a.js,line=1::one%0Atwo',
      '::notice::n',
      '::debug::d',
      '::error::e',
    );
    expect(step.annotations).toEqual([
      { level: 'warning', message: 'one\ntwo' },
      { level: 'notice', message: 'n' },
      { level: 'debug', message: 'd' },
      { level: 'error', message: 'e' },
    ]);
    expect(step.warnings).toEqual(['one\ntwo']);
    expect(step.text).toBe('text\n##[warning]one\n##[warning]two\n##[notice]n\n##[error]e');
  });

  it("a step's log masks secrets, and values of add-mask from then on", () => {
    const { seen } = read('my s3cret', 'token', '::add-mask::token', 'a token', '::warning::token');
    expect(seen).toEqual(['my ***', 'token', 'a ***', '##[warning]***']);
  });

  it("a step's log obeys stop-commands", () => {
    const { step } = read('::stop-commands::END', '::warning::no', '::END::', '::warning::yes');
    expect(step.warnings).toEqual(['yes']);
    expect(step.text).toContain('::warning::no');
  });

  it("a step's log does not change lines that only resemble commands", () => {
    const { step } = read('std::vector::size', 'a ::warning::b', '::error no end');
    expect(step.annotations).toEqual([]);
  });
});
