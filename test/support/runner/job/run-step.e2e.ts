import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { conclusionsOf, mainOf } from '../results.ts';
import { scratchWorkflows } from '../scratch-workflows.ts';

const { action, places, runSteps, runText } = scratchWorkflows();

describe('run steps', () => {
  it('a run step passes outputs, variables and paths to later steps', async () => {
    await mkdir(path.join(places.workspace, 'bin'));
    const tool = path.join(places.workspace, 'bin/tool');
    await writeFile(tool, '#!/bin/sh\necho tool ran', { mode: 0o755 });
    const result = await runSteps(`
      - id: first
        run: |
          echo "value=a b" >> "$GITHUB_OUTPUT"
          echo "NAME=from env" >> "$GITHUB_ENV"
          echo "$PWD/bin" >> "$GITHUB_PATH"
          echo "# Done" >> "$GITHUB_STEP_SUMMARY"
      - id: second
        env: { OWN: '\${{ steps.first.outputs.value }}' }
        run: echo "$OWN/$NAME/\${{ env.NAME }}/$GITHUB_ACTION/$CI/$GITHUB_REF_NAME" && tool
    `);
    expect(result.conclusion).toBe('success');
    expect(mainOf(result, 'first')).toMatchObject({ outputs: { value: 'a b' }, summary: '# Done\n' });
    expect(mainOf(result, 'second').log).toBe('a b/from env/from env/second/true/main\ntool ran');
  });

  it('a step that fails fails the job and skips steps without a condition for it', async () => {
    const result = await runSteps(`
      - { id: bad, run: exit 3 }
      - { id: skipped, run: echo no }
      - { id: failed, if: failure(), run: 'echo \${{ job.status }}' }
      - { id: always, if: "always() && steps.bad.outcome == 'failure'", run: echo yes }
      - { id: never, if: cancelled(), run: echo no }
    `);
    expect(result.conclusion).toBe('failure');
    expect(conclusionsOf(result)).toEqual({
      'main bad': 'failure',
      'main skipped': 'skipped',
      'main failed': 'success',
      'main always': 'success',
      'main never': 'skipped',
    });
    expect(mainOf(result, 'failed').log).toBe('failure');
    expect(mainOf(result, 'bad').annotations).toEqual([
      { level: 'error', message: 'Process completed with exit code 3.' },
    ]);
  });

  it('continue-on-error keeps the outcome of a step and changes its conclusion', async () => {
    const result = await runSteps(`
      - { id: bad, run: exit 1, continue-on-error: true }
      - { id: next, run: 'echo \${{ steps.bad.outcome }} \${{ steps.bad.conclusion }}' }
    `);
    expect(result.conclusion).toBe('success');
    expect(mainOf(result, 'next').log).toBe('failure success');
  });

  it('a step that exceeds timeout-minutes fails', async () => {
    const result = await runSteps(`
      - { id: slow, name: Slow, run: exec sleep 60, timeout-minutes: 0.005 }
      - { id: next, if: failure(), run: 'true' }
    `);
    expect(mainOf(result, 'slow')).toMatchObject({ outcome: 'failure', exit: { sent: ['SIGINT'] } });
    expect(mainOf(result, 'slow').log).toContain("The action 'Slow' has timed out after 0.005 minutes.");
    expect(mainOf(result, 'next').conclusion).toBe('success');
  });

  it("a step uses the job's shell and working directory, and hashFiles reads the workspace", async () => {
    await mkdir(path.join(places.workspace, 'sub'));
    await writeFile(path.join(places.workspace, 'sub/go.sum'), 'v1');
    const result = await runText(`
on: push
env: { A: workflow, B: workflow }
defaults: { run: { shell: sh } }
jobs:
  job:
    runs-on: x
    env: { B: job }
    defaults: { run: { working-directory: sub } }
    steps:
      - { id: a, run: 'ls; echo $A $B \${{ hashFiles(''**/go.sum'') }}' }
      - { id: b, run: 'echo "[\${{ hashFiles(''none/*'') }}]"', shell: 'bash {0}' }
`);
    // The hash of the files' hashes, as the runner computes it.
    const inner = createHash('sha256').update('v1').digest();
    const hash = createHash('sha256').update(inner).digest('hex');
    expect(mainOf(result, 'a').log).toBe(`go.sum\nworkflow job ${hash}`);
    expect(mainOf(result, 'b').log).toBe('[]');
  });

  it('a step gets secrets, and the log masks them', async () => {
    const result = await runSteps(
      `- { id: a, run: 'echo \${{ secrets.KEY }}; echo ::add-mask::more; echo more' }`,
      {
        secrets: { KEY: 'hidden' },
      },
    );
    expect(mainOf(result, 'a').log).toBe('***\n***');
    expect(result.log).not.toContain('hidden');
  });

  it('a run step does not get the ACTIONS_ variables of actions', async () => {
    const show = await action('show', 'runs: { using: node24, main: main.js }', {
      'main.js': 'console.log(process.env.ACTIONS_RESULTS_URL, process.env.MACHINE);',
    });
    const result = await runSteps(
      '- { id: run, run: \'echo "[$ACTIONS_RESULTS_URL]" $MACHINE\' }\n- { id: uses, uses: a/show@v1 }',
      { actions: { 'a/show': show }, env: { ACTIONS_RESULTS_URL: 'http://cache/', MACHINE: 'm' } },
    );
    expect(mainOf(result, 'run').log).toBe('[] m');
    expect(mainOf(result, 'uses').log).toBe('http://cache/ m');
  });
});
