import { expect, test } from 'vitest';
import { createOutput } from '../../../src/command/output/output.ts';
import { writeTable } from '../../../src/command/output/table.ts';
import { memoryStreams } from '../support.ts';

test('a table aligns its columns also where it escapes control characters and commands of a runner', async () => {
  const streams = memoryStreams();
  const output = createOutput({ json: false, ...streams });
  const columns = [{ title: 'KEY' }, { title: 'SIZE', align: 'right' as const }];
  await writeTable(output, columns, [
    ['::error::x', '1 B'],
    ['\u001b[31mred', '10.0 MB'],
  ]);
  expect(streams.out()).toBe('KEY               SIZE\n\\x3a:error::x      1 B\n\\x1b[31mred    10.0 MB\n');
});

test('a table of many rows is written while they arrive', async () => {
  const streams = memoryStreams();
  const output = createOutput({ json: false, ...streams });
  let written = 0;
  async function* rows() {
    for (let index = 0; index < 2000; index++) {
      if (index === 1999) written = streams.out().length;
      yield [String(index)];
    }
  }
  await writeTable(output, [{ title: 'N' }], rows());
  expect(written).toBeGreaterThan(0);
  expect(streams.out().trim().split('\n')).toHaveLength(2001);
});

test('a table without columns has no head', async () => {
  const streams = memoryStreams();
  await writeTable(
    createOutput({ json: false, ...streams }),
    [],
    [
      ['key', 'x'],
      ['size', '1 B'],
    ],
  );
  expect(streams.out()).toBe('key   x\nsize  1 B\n');
});
