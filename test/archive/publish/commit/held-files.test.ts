import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { posix, requires } from '../../../support/platform-needs.ts';
import { describeTree } from '../../../support/tree.ts';
import { leftovers } from '../staged.ts';
import { ADVICE, onWindows, over, sum } from './windows-refusals.ts';

describe(
  'where the system refuses to replace files that a process has open, a commit',
  requires(posix),
  () => {
    test('names files that can be neither replaced nor moved before it publishes any, after three seconds', async () => {
      const { to, at, failure, contents } = await over();
      const system = onWindows();
      system.use(at('b'), 'held');
      system.use(at('c'), 'held');
      const { message, treeChanged } = await failure();
      expect(message).toBe(
        `${join(to, 'tree/b')} cannot be replaced, because a process has it open, nor can 1 more; ${ADVICE}`,
      );
      expect([treeChanged, sum(system.waits)]).toEqual([false, 3000]);
      expect(contents()).toEqual(['older', 'older', 'older']);
      expect(leftovers(await describeTree(to))).toEqual([]);
    });

    test('waits for a file that a process has open for a moment', async () => {
      const { at, publish, contents } = await over();
      const system = onWindows();
      system.use(at('b'), 'held');
      system.duringWaits(() => system.waits.length === 3 && system.end());
      await publish();
      expect(contents()).toEqual(['new', 'new', 'new']);
      expect(system.waits).toEqual([10, 20, 40]);
    });

    test('stops waiting for an open file when the step is cancelled, and the tree is as it was', async () => {
      const { at, publish, contents } = await over();
      const system = onWindows();
      system.use(at('b'), 'held');
      const reason = new Error('the step was cancelled');
      const controller = new AbortController();
      system.duringWaits(() => controller.abort(reason));
      await expect(publish(controller.signal)).rejects.toBe(reason);
      expect(contents()).toEqual(['older', 'older', 'older']);
    });
  },
);
