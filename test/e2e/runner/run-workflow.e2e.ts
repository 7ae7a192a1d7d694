import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunWorkflowOptions, StepResult, WorkflowResult } from './model.ts';
import { runWorkflow } from './run-workflow.ts';

let root: string;
let workspace: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'cache-s3-runner-test-'));
  workspace = path.join(root, 'workspace');
  await mkdir(workspace);
});

afterEach(() => rm(root, { recursive: true, force: true }));

/** Runs a workflow of one job with these steps (YAML, indented by the test as it likes). */
function runSteps(steps: string, options: Partial<RunWorkflowOptions> = {}): Promise<WorkflowResult> {
  return runText(`on: push\njobs:\n  job:\n    runs-on: x\n    steps:\n${indent(steps, 6)}`, options);
}

function runText(text: string, options: Partial<RunWorkflowOptions> = {}): Promise<WorkflowResult> {
  return runWorkflow({ text, workspace, grace: { interruptMs: 300, terminateMs: 300 }, ...options });
}

function indent(text: string, by: number): string {
  const lines = text.replace(/^\n/, '').split('\n');
  const common = Math.min(...lines.filter(line => line.trim()).map(line => line.search(/\S/)));
  return lines.map(line => ' '.repeat(by) + line.slice(common)).join('\n');
}

/** Writes an action whose scripts are these bodies, with fs and append(variable, text) at hand. */
async function action(name: string, yml: string, scripts: Record<string, string> = {}): Promise<string> {
  const directory = path.join(root, name);
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'action.yml'), `name: ${name}\ndescription: test\n${indent(yml, 0)}`);
  const prelude =
    "const fs = require('node:fs'); const append = (name, text) => fs.appendFileSync(process.env[name], text + '\\n');\n";
  for (const [file, body] of Object.entries(scripts))
    await writeFile(path.join(directory, file), prelude + body);
  return directory;
}

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

const step = (result: WorkflowResult, id: string): StepResult =>
  result.steps.find(one => one.id === id && one.stage === 'main') as StepResult;
const post = (result: WorkflowResult, id: string): StepResult =>
  result.steps.find(one => one.id === id && one.stage === 'post') as StepResult;
const conclusions = (result: WorkflowResult) =>
  Object.fromEntries(result.steps.map(one => [`${one.stage} ${one.id}`, one.conclusion]));

describe('run steps', () => {
  it('pass outputs, variables and paths on to later steps', async () => {
    await mkdir(path.join(workspace, 'bin'));
    const tool = path.join(workspace, 'bin/tool');
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
    expect(step(result, 'first')).toMatchObject({ outputs: { value: 'a b' }, summary: '# Done\n' });
    expect(step(result, 'second').log).toBe('a b/from env/from env/second/true/main\ntool ran');
  });

  it('fail the job, skip what needs success, and run what asks for it', async () => {
    const result = await runSteps(`
      - { id: bad, run: exit 3 }
      - { id: skipped, run: echo no }
      - { id: failed, if: failure(), run: 'echo \${{ job.status }}' }
      - { id: always, if: "always() && steps.bad.outcome == 'failure'", run: echo yes }
      - { id: never, if: cancelled(), run: echo no }
    `);
    expect(result.conclusion).toBe('failure');
    expect(conclusions(result)).toEqual({
      'main bad': 'failure',
      'main skipped': 'skipped',
      'main failed': 'success',
      'main always': 'success',
      'main never': 'skipped',
    });
    expect(step(result, 'failed').log).toBe('failure');
    expect(step(result, 'bad').annotations).toEqual([
      { level: 'error', message: 'Process completed with exit code 3.' },
    ]);
  });

  it('keep the outcome and change the conclusion with continue-on-error', async () => {
    const result = await runSteps(`
      - { id: bad, run: exit 1, continue-on-error: true }
      - { id: next, run: 'echo \${{ steps.bad.outcome }} \${{ steps.bad.conclusion }}' }
    `);
    expect(result.conclusion).toBe('success');
    expect(step(result, 'next').log).toBe('failure success');
  });

  it('end at their time limit as failures', async () => {
    const result = await runSteps(`
      - { id: slow, name: Slow, run: exec sleep 60, timeout-minutes: 0.005 }
      - { id: next, if: failure(), run: 'true' }
    `);
    expect(step(result, 'slow')).toMatchObject({ outcome: 'failure', exit: { sent: ['SIGINT'] } });
    expect(step(result, 'slow').log).toContain("The action 'Slow' has timed out after 0.005 minutes.");
    expect(step(result, 'next').conclusion).toBe('success');
  });

  it('take shell and working directory from the job, and hash files of the workspace', async () => {
    await mkdir(path.join(workspace, 'sub'));
    await writeFile(path.join(workspace, 'sub/go.sum'), 'v1');
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
    expect(step(result, 'a').log).toBe(`go.sum\nworkflow job ${hash}`);
    expect(step(result, 'b').log).toBe('[]');
  });

  it('see secrets, which the log does not show', async () => {
    const result = await runSteps(
      `- { id: a, run: 'echo \${{ secrets.KEY }}; echo ::add-mask::more; echo more' }`,
      {
        secrets: { KEY: 'hidden' },
      },
    );
    expect(step(result, 'a').log).toBe('***\n***');
    expect(result.log).not.toContain('hidden');
  });

  it('do not get the ACTIONS_ variables that actions get', async () => {
    const show = await action('show', 'runs: { using: node24, main: main.js }', {
      'main.js': 'console.log(process.env.ACTIONS_RESULTS_URL, process.env.MACHINE);',
    });
    const result = await runSteps(
      '- { id: run, run: \'echo "[$ACTIONS_RESULTS_URL]" $MACHINE\' }\n- { id: uses, uses: a/show@v1 }',
      { actions: { 'a/show': show }, env: { ACTIONS_RESULTS_URL: 'http://cache/', MACHINE: 'm' } },
    );
    expect(step(result, 'run').log).toBe('[] m');
    expect(step(result, 'uses').log).toBe('http://cache/ m');
  });
});

describe('JavaScript actions', () => {
  it('run their post steps last in, first out, with state and inputs of their own', async () => {
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
    expect(post(result, 'one').name).toBe('Post Run a/echo@v1');
  });

  it('obey post-if, and have no post step when main did not begin', async () => {
    const actions = { 'a/echo@v1': await echoAction('echo', 'success()') };
    const result = await runSteps(
      `
      - { id: one, uses: a/echo@v1 }
      - { id: bad, run: exit 1 }
      - { id: two, uses: a/echo@v1 }
      `,
      { actions },
    );
    expect(conclusions(result)).toEqual({
      'main one': 'success',
      'main bad': 'failure',
      'main two': 'skipped',
      'post one': 'skipped',
    });
  });

  it('have a post step after a main that failed, and a post step that fails fails the job', async () => {
    const failing = await action('failing', 'runs: { using: node24, main: main.js, post: post.js }', {
      'main.js': "append('GITHUB_STATE', 'A=1'); append('GITHUB_OUTPUT', 'o=1'); process.exit(1);",
      'post.js': "append('GITHUB_OUTPUT', 'o=2'); console.log('A=' + process.env.STATE_A); process.exit(1);",
    });
    const actions = { 'a/failing': failing };
    const result = await runSteps('- { id: a, uses: a/failing@v1 }', { actions });
    expect(step(result, 'a')).toMatchObject({ outcome: 'failure', outputs: { o: '1' } });
    expect(post(result, 'a')).toMatchObject({ outcome: 'failure', outputs: {}, log: 'A=1' });
    const forgiven = await runSteps('- { id: a, uses: a/failing@v1, continue-on-error: true }', { actions });
    expect(forgiven.conclusion).toBe('success');
    expect(post(forgiven, 'a').outcome).toBe('failure');
  });

  it('get warnings about inputs that they do not declare or that are deprecated', async () => {
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
    const unexpected = step(await used('path: x, keys: y, retry-count: 3'), 'a');
    expect(unexpected.warnings).toEqual([
      "Unexpected input(s) 'keys', 'retry-count', valid inputs are ['path', 'save-always']",
    ]);
    expect(unexpected.log).toContain('["x","false"]');
    const deprecated = step(await used("Path: x, save-always: ''"), 'a');
    expect(deprecated.warnings).toEqual([
      "Input 'save-always' has been deprecated with message: it never worked",
    ]);
    expect(deprecated.log).toContain('["x",""]');
  });

  it('may be of the workspace, and a broken one fails its step', async () => {
    await mkdir(path.join(workspace, 'own'));
    await writeFile(
      path.join(workspace, 'own/action.yml'),
      "name: own\ndescription: o\nruns: { using: node24, main: m.js, post: m.js, post-if: 'nonsense(' }\n",
    );
    const result = await runSteps('- { id: own, uses: ./own }\n- { id: none, if: always(), uses: ./none }');
    expect(step(result, 'own').annotations[0]).toMatchObject({ level: 'error' });
    expect(step(result, 'none').log).toContain("Can't find 'action.yml'");
    expect(result.conclusion).toBe('failure');
  });
});

describe('composite actions', () => {
  it('have inputs, steps and outputs of their own, and leave post steps to the job', async () => {
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
    expect(step(result, 'show').log).toBe('env-job outer');
    expect(step(result, 'mid').inner.map(one => one.log)).toEqual([
      'action.yml',
      'main given+env undefined success',
    ]);
    expect(step(result, 'mid').log).toContain('main given+env');
    expect(post(result, 'echo').log).toBe('post given+env given+env success');
  });

  it('fail with a step of theirs, whose status is theirs alone', async () => {
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
    expect(step(result, 'a').inner.map(one => one.conclusion)).toEqual([
      'success',
      'failure',
      'skipped',
      'success',
    ]);
    expect(step(result, 'a').outcome).toBe('failure');
  });
});

describe('a cancel', () => {
  const waiting = {
    // says on which signals it ends; its child says whether it was signalled
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
  ])('climbs its ladder until the action ends (on %s), and its post step still runs', async (end, sent) => {
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
    expect(step(result, 'a')).toMatchObject({ outcome: 'cancelled', exit: { sent } });
    expect(step(result, 'a').log).not.toContain('child SIGINT');
    expect(conclusions(result)).toMatchObject({ 'main next': 'skipped', 'main cancelled': 'success' });
    expect(step(result, 'always').log).toBe('cancelled cancelled');
    expect(post(result, 'a').log).toBe('post 1 cancelled');
  });

  it('does not touch a step whose condition still holds', async () => {
    const steps = `
      - { id: a, if: always(), run: 'trap "echo signalled" INT TERM; echo waiting; sleep 0.3; echo end' }
      - { id: b, run: 'true' }
    `;
    const result = await runSteps(steps, { cancelWhen });
    expect(step(result, 'a')).toMatchObject({
      conclusion: 'success',
      log: 'waiting\nend',
      exit: { sent: [] },
    });
    expect(step(result, 'b').conclusion).toBe('skipped');
    expect(result.conclusion).toBe('cancelled');
  });

  it('reaches the steps of a composite action', async () => {
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
    expect(step(result, 'a').outcome).toBe('cancelled');
    expect(step(result, 'a').inner[0]).toMatchObject({ outcome: 'cancelled', exit: { sent: ['SIGINT'] } });
  });

  it('can come from outside', async () => {
    const controller = new AbortController();
    const onLine = () => controller.abort();
    const result = await runSteps('- { id: a, run: echo now; exec sleep 30 }', {
      signal: controller.signal,
      onLine,
    });
    expect(step(result, 'a').outcome).toBe('cancelled');
  });
});

describe('jobs', () => {
  it('run once for each leg of a matrix, with what the leg sees', async () => {
    const result = await runText(`
on: push
jobs:
  build:
    runs-on: x
    strategy: { matrix: { v: [1.5, two], include: [{ v: two, extra: yes }] } }
    steps: [{ id: a, run: 'echo \${{ matrix.v }} [\${{ matrix.extra }}] \${{ strategy.job-total }} $PWD' }]
`);
    expect(result.jobs.map(job => job.name)).toEqual(['build (1.5)', 'build (two, yes)']);
    expect(result.steps.map(one => one.log)).toEqual([`1.5 [] 2 ${workspace}`, `two [yes] 2 ${workspace}`]);
  });

  it('cancel their siblings when one leg fails, unless told otherwise', async () => {
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

  it('wait for those they need and see their outputs', async () => {
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
    expect(step(result, 'a').log).toBe('1 success');
    const alone = await runText(text, { job: 'second' });
    expect(alone.jobs.map(job => job.id)).toEqual(['second']);
  });

  it('have the event and the context that the test gives them', async () => {
    const result = await runSteps(
      `- { id: a, run: 'cat "$GITHUB_EVENT_PATH"; echo; echo $GITHUB_REF \${{ github.event.number }} \${{ github.ref_name }}' }`,
      {
        event: { name: 'pull_request', payload: { number: 7 } },
        github: { ref: 'refs/pull/7/merge', base_ref: 'main' },
      },
    );
    const [event = '', line] = step(result, 'a').log.split('\n');
    expect(JSON.parse(event)).toMatchObject({ number: 7, repository: { default_branch: 'main' } });
    expect(line).toBe('refs/pull/7/merge 7 7/merge');
  });

  it('leave nothing of their machine behind', async () => {
    const result = await runSteps('- { id: a, run: touch "$RUNNER_TEMP/x"; echo "$RUNNER_TEMP" }');
    expect(existsSync(step(result, 'a').log)).toBe(false);
  });

  it.runIf(process.getuid?.() === 0)('run as another user', async () => {
    await chmod(root, 0o755);
    await chown(workspace, 65534, 65534);
    const result = await runSteps(
      '- { id: a, run: \'id -u; touch file "$HOME/x"; echo "v=1" >> "$GITHUB_OUTPUT"\' }',
      { uid: 65534 },
    );
    expect(step(result, 'a')).toMatchObject({ conclusion: 'success', log: '65534', outputs: { v: '1' } });
    expect(await readFile(path.join(workspace, 'file'), 'utf8')).toBe('');
  });
});

it('refuses a workflow that GitHub would refuse', async () => {
  await expect(runSteps('- { id: a, run: x, uses: y }')).rejects.toThrow(/workflow.yml is not valid:/);
  await expect(runSteps('- { id: a, if: nonsense(), run: x }')).rejects.toThrow(/nonsense/);
});
