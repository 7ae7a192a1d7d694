import { expect, test, vi } from 'vitest';
import { createProgressLine } from '../../../src/command/output/progress-line.ts';
import { memoryStreams } from '../support.ts';

/** Makes standard error as a terminal or not, in an environment with these variables. */
function streamOf(
  isTTY: boolean,
  { CI, TERM = 'xterm' }: { readonly CI?: string; readonly TERM?: string } = {},
) {
  vi.stubEnv('CI', CI);
  vi.stubEnv('TERM', TERM);
  const { stderr, err } = memoryStreams();
  return {
    stream: Object.assign(stderr, { isTTY, cursorTo() {}, clearLine() {}, moveCursor() {} }),
    written: err,
  };
}

test.each([
  ['a file', false, {}],
  ['a log of CI', true, { CI: '1' }],
  ['a terminal that cannot move its cursor', true, { TERM: 'dumb' }],
])('%s gets no progress', (_, isTTY, variables) => {
  const { stream, written } = streamOf(isTTY, variables);
  const line = createProgressLine(stream, 'Checking');
  line.update('Checked');
  line.end();
  expect(written()).toBe('');
});

test('a terminal gets the progress without control characters of foreign text, ten times a second at most', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'Date', 'setInterval', 'clearInterval'] });
  try {
    const { stream, written } = streamOf(true);
    const line = createProgressLine(stream, 'Reading \u0007');
    expect(written()).toContain('Reading \\x07');
    line.update('too early');
    vi.advanceTimersByTime(200);
    expect(written()).not.toContain('too early');
    line.update('in time \u0007');
    vi.advanceTimersByTime(200);
    expect(written()).toContain('in time \\x07');
    line.end();
    const before = written();
    vi.advanceTimersByTime(1000);
    expect(written()).toBe(before);
  } finally {
    vi.useRealTimers();
  }
});

test('the progress leaves the signals to the command', () => {
  const { stream } = streamOf(true);
  const before = process.listenerCount('SIGINT');
  const line = createProgressLine(stream, 'Reading');
  expect(process.listenerCount('SIGINT')).toBe(before);
  line.end();
});
