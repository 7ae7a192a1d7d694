import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createCommandLog, createOutput, OutputError } from '../../../src/command/output/output.ts';
import { memoryStreams } from '../support.ts';

/** Makes a standard output whose writes fail by a code, and counts them. */
function failingOutput(code: string, outlivesPipe: boolean) {
  let writes = 0;
  const stdout = new Writable({
    write(_chunk, _encoding, done) {
      writes++;
      done(Object.assign(new Error(`write ${code}`), { code }));
    },
  });
  const output = createOutput({ json: false, outlivesPipe, stdout, stderr: memoryStreams().stderr });
  return { output, writes: () => writes };
}

test('foreign text in a line is escaped, in standard output and in standard error', async () => {
  const streams = memoryStreams();
  const output = createOutput({ json: false, ...streams });
  await output.lines('::error::\u001b[31mx');
  output.note('a\nb');
  await output.flush();
  expect(streams.out()).toBe('\\x3a:error::\\x1b[31mx\n');
  expect(streams.err()).toBe('a\\nb\n');
});

test('standard output has begun when it has got any text', async () => {
  const output = createOutput({ json: true, ...memoryStreams() });
  expect(output.begun).toBe(false);
  output.note('on standard error');
  expect(output.begun).toBe(false);
  await output.raw('{');
  expect(output.begun).toBe(true);
});

test.each([
  [true, 80, 80],
  [true, 0, 100],
  [false, 80, 100],
])('the columns are those of a terminal, and 100 elsewhere (isTTY %s, %i)', (isTTY, columns, expected) => {
  const { stdout, stderr } = memoryStreams();
  const output = createOutput({ json: false, stdout: Object.assign(stdout, { isTTY, columns }), stderr });
  expect(output.columns).toBe(expected);
});

test.each([
  ['EPIPE', true],
  ['EOF', true],
  ['ENOSPC', false],
])('after %s standard output takes no more text', async (code, wasPipeClosed) => {
  const { output, writes } = failingOutput(code, false);
  await output.lines('one').catch(() => {});
  await expect(output.flush()).rejects.toThrow(`standard output could not be written: write ${code}`);
  await expect(output.lines('two')).rejects.toMatchObject({ wasPipeClosed });
  await expect(output.lines('two')).rejects.toThrow(OutputError);
  expect(writes()).toBe(1);
});

test('work that outlives its pipe goes on without the text, and fails on a full disk', async () => {
  const closed = failingOutput('EPIPE', true);
  await closed.output.lines('one');
  await closed.output.flush();
  await closed.output.lines('two');
  await closed.output.flush();
  expect(closed.writes()).toBe(1);
  const full = failingOutput('ENOSPC', true);
  await full.output.lines('one').catch(() => {});
  await expect(full.output.flush()).rejects.toThrow(OutputError);
});

test('the log of a command has each request only with --verbose, and one line for each line of it', () => {
  const notes: string[] = [];
  for (const verbose of [false, true]) {
    const log = createCommandLog({ note: text => notes.push(text) }, verbose);
    log.debug('one\ntwo');
    log.warning('full');
  }
  expect(notes).toEqual(['Warning: full', 'one', 'two', 'Warning: full']);
});
