import { describe, expect, it } from 'vitest';
import { conclusionsOf, mainOf, postOf } from './results.ts';
import { scratchWorkflows } from './scratch-workflows.ts';

const { action, runSteps } = scratchWorkflows();

describe('a cancel', () => {
  const waiting = {
    // Prints its signals, and the signal of its child
    'main.js': `
      const child = require('node:child_process').spawn('sleep', ['3']);
      child.on('exit', (code, signal) => console.log('child ' + signal));
      for (const name of ['SIGINT', 'SIGTERM'])
        process.on(name, () => { console.log('got ' + name); if (process.env.INPUT_END === name) { child.kill('SIGKILL'); process.exit(0); } });
      append('GITHUB_STATE', 'BEGUN=1');
      console.log('waiting');
    `,
    'post.js': "console.log('post ' + process.env.STATE_BEGUN + ' ' + process.env.INPUT_STATUS);",
  };
  const waitingYml = `
    inputs:
      end: { description: signal, default: SIGINT }
      status: { description: s, default: '\${{ job.status }}' }
    runs: { using: node24, main: main.js, post: post.js }
    `;
  const cancelWhen = ({ text }: { text: string }) => text.endsWith('waiting');

  it.each([
    ['SIGINT', ['SIGINT']],
    ['SIGTERM', ['SIGINT', 'SIGTERM']],
    ['nothing', ['SIGINT', 'SIGTERM', 'SIGKILL']],
  ])(
    'a cancel sends stronger signals until the action ends on %s, and its post step runs',
    async (end, sent) => {
      // Long enough for a busy machine to deliver a signal and answer it
      const ms = end === 'nothing' ? 300 : 1500;
      const actions = { 'a/wait': await action('wait', waitingYml, waiting) };
      const result = await runSteps(
        `
      - { id: a, uses: a/wait@v1, with: { end: ${end} } }
      - { id: next, run: echo no }
      - { id: always, if: always(), run: 'echo \${{ job.status }} \${{ steps.a.outcome }}' }
      - { id: cancelled, if: cancelled(), run: echo yes }
      `,
        { actions, cancelWhen, grace: { interruptMs: ms, terminateMs: ms } },
      );
      expect(result.conclusion).toBe('cancelled');
      expect(mainOf(result, 'a')).toMatchObject({ outcome: 'cancelled', exit: { sent } });
      expect(mainOf(result, 'a').log).not.toContain('child SIGINT');
      expect(conclusionsOf(result)).toMatchObject({ 'main next': 'skipped', 'main cancelled': 'success' });
      expect(mainOf(result, 'always').log).toBe('cancelled cancelled');
      expect(postOf(result, 'a').log).toBe('post 1 cancelled');
    },
  );

  it('a cancel does not end a step whose condition is still true', async () => {
    const steps = `
      - { id: a, if: always(), run: 'trap "echo signalled" INT TERM; echo waiting; sleep 0.3; echo end' }
      - { id: b, run: 'true' }
    `;
    const result = await runSteps(steps, { cancelWhen });
    expect(mainOf(result, 'a')).toMatchObject({
      conclusion: 'success',
      log: 'waiting\nend',
      exit: { sent: [] },
    });
    expect(mainOf(result, 'b').conclusion).toBe('skipped');
    expect(result.conclusion).toBe('cancelled');
  });

  it('a cancel ends the step of a composite action', async () => {
    const wrapper = await action(
      'wrapper',
      `
      runs:
        using: composite
        steps:
          - { id: slow, run: 'echo waiting; exec sleep 30', shell: bash }
          - { id: rest, if: always(), run: echo rest, shell: bash }
      `,
    );
    const result = await runSteps('- { id: a, uses: a/w@v1 }', { actions: { 'a/w': wrapper }, cancelWhen });
    expect(mainOf(result, 'a').outcome).toBe('cancelled');
    expect(mainOf(result, 'a').inner[0]).toMatchObject({ outcome: 'cancelled', exit: { sent: ['SIGINT'] } });
  });

  it('a signal of the test cancels a run', async () => {
    const controller = new AbortController();
    const onLine = () => controller.abort();
    const result = await runSteps('- { id: a, run: echo now; exec sleep 30 }', {
      signal: controller.signal,
      onLine,
    });
    expect(mainOf(result, 'a').outcome).toBe('cancelled');
  });
});
