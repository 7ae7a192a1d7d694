import { existsSync } from 'node:fs';
import { chmod, chown, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { requires, root } from '../platform-needs.ts';
import { mainOf } from './results.ts';
import { scratchWorkflows } from './scratch-workflows.ts';

const { places, runSteps, runText } = scratchWorkflows();

describe('jobs', () => {
  it('a job runs once for each leg of its matrix, with the values of the leg', async () => {
    const result = await runText(`
on: push
jobs:
  build:
    runs-on: x
    strategy: { matrix: { v: [1.5, two], include: [{ v: two, extra: yes }] } }
    steps: [{ id: a, run: 'echo \${{ matrix.v }} [\${{ matrix.extra }}] \${{ strategy.job-total }} $PWD' }]
`);
    expect(result.jobs.map(job => job.name)).toEqual(['build (1.5)', 'build (two, yes)']);
    expect(result.steps.map(one => one.log)).toEqual([
      `1.5 [] 2 ${places.workspace}`,
      `two [yes] 2 ${places.workspace}`,
    ]);
  });

  it('a leg that fails cancels the other legs unless fail-fast is false', async () => {
    const text = (failFast: boolean) => `
on: push
jobs:
  build:
    runs-on: x
    strategy: { fail-fast: ${failFast}, matrix: { v: [bad, good] } }
    steps:
      - { if: "matrix.v == 'bad'", run: 'until test -e begun; do sleep 0.02; done; exit 1' }
      - { id: slow, if: "matrix.v == 'good'", run: 'touch begun; exec sleep \${{ ${failFast} && 30 || 0.3 }}' }
`;
    const fast = await runText(text(true));
    expect(fast.jobs.map(job => job.conclusion)).toEqual(['failure', 'cancelled']);
    expect(fast.conclusion).toBe('failure');
    const slow = await runText(text(false));
    expect(slow.jobs.map(job => job.conclusion)).toEqual(['failure', 'success']);
  });

  it('a job waits for the jobs that it needs and gets their outputs', async () => {
    const text = `
on: push
jobs:
  second:
    needs: first
    runs-on: x
    steps: [{ id: a, run: 'echo \${{ needs.first.outputs.v }} \${{ needs.first.result }}' }]
  first:
    runs-on: x
    outputs: { v: '\${{ steps.o.outputs.v }}' }
    steps: [{ id: o, run: echo "v=1" >> "$GITHUB_OUTPUT" }]
  broken: { runs-on: x, steps: [{ run: exit 1 }] }
  after: { needs: broken, runs-on: x, steps: [{ run: echo no }] }
  rescue: { needs: broken, if: failure(), runs-on: x, steps: [{ run: echo yes }] }
`;
    const result = await runText(text);
    expect(Object.fromEntries(result.jobs.map(job => [job.id, job.conclusion]))).toEqual({
      second: 'success',
      first: 'success',
      broken: 'failure',
      after: 'skipped',
      rescue: 'success',
    });
    expect(mainOf(result, 'a').log).toBe('1 success');
    const alone = await runText(text, { job: 'second' });
    expect(alone.jobs.map(job => job.id)).toEqual(['second']);
  });

  it('a job has the event and the context that the test gives', async () => {
    const result = await runSteps(
      `- { id: a, run: 'cat "$GITHUB_EVENT_PATH"; echo; echo $GITHUB_REF \${{ github.event.number }} \${{ github.ref_name }}' }`,
      {
        event: { name: 'pull_request', payload: { number: 7 } },
        github: { ref: 'refs/pull/7/merge', base_ref: 'main' },
      },
    );
    const [event = '', line] = mainOf(result, 'a').log.split('\n');
    expect(JSON.parse(event)).toMatchObject({ number: 7, repository: { default_branch: 'main' } });
    expect(line).toBe('refs/pull/7/merge 7 7/merge');
  });

  it('a job leaves no file on its machine', async () => {
    const result = await runSteps('- { id: a, run: touch "$RUNNER_TEMP/x"; echo "$RUNNER_TEMP" }');
    expect(existsSync(mainOf(result, 'a').log)).toBe(false);
  });

  it('a job runs as another user', requires(root), async () => {
    await chmod(places.root, 0o755);
    await chown(places.workspace, 65534, 65534);
    const result = await runSteps(
      '- { id: a, run: \'id -u; touch file "$HOME/x"; echo "v=1" >> "$GITHUB_OUTPUT"\' }',
      { uid: 65534 },
    );
    expect(mainOf(result, 'a')).toMatchObject({ conclusion: 'success', log: '65534', outputs: { v: '1' } });
    expect(await readFile(path.join(places.workspace, 'file'), 'utf8')).toBe('');
  });
});

it('a workflow that GitHub refuses is refused', async () => {
  await expect(runSteps('- { id: a, run: x, uses: y }')).rejects.toThrow(/workflow.yml is not valid:/);
  await expect(runSteps('- { id: a, if: nonsense(), run: x }')).rejects.toThrow(/nonsense/);
});
