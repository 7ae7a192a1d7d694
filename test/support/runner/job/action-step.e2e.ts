import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { conclusionsOf, mainOf, postOf } from '../results.ts';
import { scratchWorkflows } from '../scratch-workflows.ts';

const { action, places, runSteps } = scratchWorkflows();

/** An action that prints its inputs and stage; the post step too. */
function echoAction(name = 'echo', postIf = 'always()') {
  const print = (stage: string) =>
    `console.log('${stage} ' + process.env.INPUT_TEXT + ' ' + process.env.STATE_SEEN + ' ' + process.env['INPUT_JOB-STATUS']);`;
  return action(
    name,
    `
    inputs:
      text: { description: t, default: nothing }
      job-status: { description: internal, default: '\${{ job.status }}' }
    runs: { using: node24, main: main.js, post: post.js, post-if: '${postIf}' }
    `,
    {
      'main.js': `${print('main')} append('GITHUB_STATE', 'SEEN=' + process.env.INPUT_TEXT);`,
      'post.js': print('post'),
    },
  );
}

describe('JavaScript actions', () => {
  it('post steps run last in, first out, with state and inputs of their own step', async () => {
    const result = await runSteps(
      `
      - { id: one, uses: a/echo@v1, with: { text: first } }
      - { id: two, uses: a/echo@v1, with: { text: '\${{ job.status }}' } }
      - { id: three, uses: a/echo@v1 }
      - { id: bad, run: exit 1 }
      `,
      { actions: { 'a/echo@v1': await echoAction() } },
    );
    expect(result.steps.map(one => one.log.split('\n')[0])).toEqual([
      'main first undefined success',
      'main success undefined success',
      'main nothing undefined success',
      '##[error]Process completed with exit code 1.',
      'post nothing nothing failure',
      'post failure success failure',
      'post first first failure',
    ]);
    expect(postOf(result, 'one').name).toBe('Post Run a/echo@v1');
  });

  it('a post step follows post-if, and does not run if main did not begin', async () => {
    const actions = { 'a/echo@v1': await echoAction('echo', 'success()') };
    const result = await runSteps(
      `
      - { id: one, uses: a/echo@v1 }
      - { id: bad, run: exit 1 }
      - { id: two, uses: a/echo@v1 }
      `,
      { actions },
    );
    expect(conclusionsOf(result)).toEqual({
      'main one': 'success',
      'main bad': 'failure',
      'main two': 'skipped',
      'post one': 'skipped',
    });
  });

  it('a post step runs after a main that failed, and its own failure fails the job', async () => {
    const failing = await action('failing', 'runs: { using: node24, main: main.js, post: post.js }', {
      'main.js': "append('GITHUB_STATE', 'A=1'); append('GITHUB_OUTPUT', 'o=1'); process.exit(1);",
      'post.js': "append('GITHUB_OUTPUT', 'o=2'); console.log('A=' + process.env.STATE_A); process.exit(1);",
    });
    const actions = { 'a/failing': failing };
    const result = await runSteps('- { id: a, uses: a/failing@v1 }', { actions });
    expect(mainOf(result, 'a')).toMatchObject({ outcome: 'failure', outputs: { o: '1' } });
    expect(postOf(result, 'a')).toMatchObject({ outcome: 'failure', outputs: {}, log: 'A=1' });
    const forgiven = await runSteps('- { id: a, uses: a/failing@v1, continue-on-error: true }', { actions });
    expect(forgiven.conclusion).toBe('success');
    expect(postOf(forgiven, 'a').outcome).toBe('failure');
  });

  it('the runner warns about inputs that an action does not declare and about deprecated ones', async () => {
    const picky = await action(
      'picky',
      `
      inputs:
        path: { description: p, required: true }
        save-always: { description: s, default: 'false', deprecationMessage: it never worked }
      runs: { using: node24, main: main.js }
      `,
      {
        'main.js': "console.log(JSON.stringify([process.env.INPUT_PATH, process.env['INPUT_SAVE-ALWAYS']]));",
      },
    );
    const actions = { 'a/picky@v1': picky };
    const used = (inputs: string) =>
      runSteps(`- { id: a, uses: a/picky@v1, with: { ${inputs} } }`, { actions });
    const unexpected = mainOf(await used('path: x, keys: y, retry-count: 3'), 'a');
    expect(unexpected.warnings).toEqual([
      "Unexpected input(s) 'keys', 'retry-count', valid inputs are ['path', 'save-always']",
    ]);
    expect(unexpected.log).toContain('["x","false"]');
    const deprecated = mainOf(await used("Path: x, save-always: ''"), 'a');
    expect(deprecated.warnings).toEqual([
      "Input 'save-always' has been deprecated with message: it never worked",
    ]);
    expect(deprecated.log).toContain('["x",""]');
  });

  it('an action may be in the workspace, and an invalid one fails its step', async () => {
    await mkdir(path.join(places.workspace, 'own'));
    await writeFile(
      path.join(places.workspace, 'own/action.yml'),
      "name: own\ndescription: o\nruns: { using: node24, main: m.js, post: m.js, post-if: 'nonsense(' }\n",
    );
    const result = await runSteps('- { id: own, uses: ./own }\n- { id: none, if: always(), uses: ./none }');
    expect(mainOf(result, 'own').annotations[0]).toMatchObject({ level: 'error' });
    expect(mainOf(result, 'none').log).toContain("Can't find 'action.yml'");
    expect(result.conclusion).toBe('failure');
  });
});

describe('composite actions', () => {
  it('a composite action has its own inputs, steps and outputs, and its post steps run at the end of the job', async () => {
    const actions = { 'a/echo@v1': await echoAction(), 'a/all/mid@v1': '' };
    actions['a/all/mid@v1'] = await action(
      'mid',
      `
      inputs:
        text: { description: t, default: inner }
        n: { description: n, default: '\${{ github.job }}' }
      outputs:
        result: { description: r, value: '\${{ steps.make.outputs.v }}-\${{ inputs.n }}' }
      runs:
        using: composite
        steps:
          - { id: make, run: 'echo "v=$FROM" >> "$GITHUB_OUTPUT"; ls "$GITHUB_ACTION_PATH"', shell: bash }
          - { id: echo, uses: a/echo@v1, with: { text: '\${{ inputs.text }}+\${{ steps.make.outputs.v }}' } }
      `,
    );
    const result = await runSteps(
      `
      - { id: make, run: echo "v=outer" >> "$GITHUB_OUTPUT" }
      - { id: mid, uses: a/all/mid@v1, env: { FROM: env }, with: { text: given } }
      - { id: show, run: 'echo \${{ steps.mid.outputs.result }} \${{ steps.make.outputs.v }}' }
      `,
      { actions },
    );
    expect(mainOf(result, 'show').log).toBe('env-job outer');
    expect(mainOf(result, 'mid').inner.map(one => one.log)).toEqual([
      'action.yml',
      'main given+env undefined success',
    ]);
    expect(mainOf(result, 'mid').log).toContain('main given+env');
    expect(postOf(result, 'echo').log).toBe('post given+env given+env success');
  });

  it('a composite action fails with its step, and its status does not include steps of the job', async () => {
    const inside = await action(
      'inside',
      `
      runs:
        using: composite
        steps:
          - { id: ok, run: echo fine, shell: bash }
          - { id: bad, run: exit 1, shell: bash }
          - { id: no, run: echo no, shell: bash }
          - { id: yes, if: failure(), run: 'echo \${{ job.status }}', shell: bash }
      `,
    );
    const result = await runSteps(
      '- { id: first, run: exit 1, continue-on-error: false }\n- { id: a, if: always(), uses: a/inside@v1 }',
      { actions: { 'a/inside': inside } },
    );
    expect(mainOf(result, 'a').inner.map(one => one.conclusion)).toEqual([
      'success',
      'failure',
      'skipped',
      'success',
    ]);
    expect(mainOf(result, 'a').outcome).toBe('failure');
  });
});
