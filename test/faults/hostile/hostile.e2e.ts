import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HostileLab, hostileRows } from './rows.ts';

/** The part of `npm run hostile` that takes little time: answers that end by themselves, on every call. */
const SHORT = /^(?:101 Switching|403 and a body without end|400 and a code that is a workflow|pages without)/;

let lab: HostileLab;

beforeAll(async () => {
  lab = await HostileLab.open();
});
afterAll(() => lab?.close());

describe.concurrent('the built action keeps its promises', () => {
  test.for(hostileRows.filter(({ answer }) => SHORT.test(answer.name)))(
    'when $call.name is answered by $answer.name',
    async row => {
      const { violations } = await lab.run(row);
      expect(violations).toEqual([]);
    },
  );
});
