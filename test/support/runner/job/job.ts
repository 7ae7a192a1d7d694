import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { evaluateTexts } from '../definitions/expressions.ts';
import type { JobSpec, WorkflowSpec } from '../definitions/workflow-file.ts';
import type { Conclusion, JobResult, Leg, LogLine, RunWorkflowOptions, StepResult } from '../model.ts';
import { workOf } from './action-step.ts';
import { eventPayload, githubContext, type JobPlaces, runnerContext } from './contexts.ts';
import { JobLog } from './job-log.ts';
import { JobState } from './job-state.ts';
import { runStep } from './step.ts';

interface LegSetup {
  readonly workflow: WorkflowSpec;
  readonly spec: JobSpec;
  readonly name: string;
  readonly matrix: Readonly<Record<string, unknown>>;
  readonly strategy: Readonly<Record<string, unknown>>;
  readonly needs: Readonly<Record<string, unknown>>;
  readonly cancel: AbortSignal;
  readonly onLine: (line: LogLine) => void;
}

/** Runs a leg of a job on its own machine: main steps, then post steps, last in, first out. */
export async function runWorkflowJob(setup: LegSetup, options: RunWorkflowOptions): Promise<JobResult> {
  const root = await mkdtemp(path.join(tmpdir(), 'cache-s3-runner-'));
  try {
    const job = await prepare(root, setup, options);
    const steps: StepResult[] = [];
    for (const [index, spec] of setup.spec.steps.entries())
      steps.push(await runStep(workOf(spec, setup.spec.defaults, index), job, job.frame));
    for (let post = job.posts.pop(); post !== undefined; post = job.posts.pop())
      steps.push(await runStep(post, job, job.frame));
    return {
      id: setup.spec.id,
      name: setup.name,
      matrix: setup.matrix,
      conclusion: job.frame.status satisfies Conclusion,
      outputs: await evaluateTexts(setup.spec.outputs, job.scope(job.frame)),
      steps,
      log: job.log.text,
    };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function prepare(root: string, setup: LegSetup, options: RunWorkflowOptions): Promise<JobState> {
  const places = await makePlaces(root, { job: setup.spec.id, matrix: setup.matrix }, options);
  const github = githubContext(options, setup.workflow.name, setup.spec.id, places);
  const payload = eventPayload(options, String(github.ref), String(github.repository));
  await writeFile(places.eventFile, JSON.stringify(github.event ?? payload));
  const job = new JobState({
    options,
    log: new JobLog(setup.name, Object.values(options.secrets ?? {}), setup.onLine),
    places,
    cancel: setup.cancel,
    fixed: {
      github,
      runner: runnerContext(places),
      matrix: setup.matrix,
      strategy: setup.strategy,
      needs: setup.needs,
      vars: options.vars ?? {},
    },
  });
  const markCancelled = () => {
    job.frame.status = 'cancelled';
  };
  // The first listener: steps that evaluate their condition after a cancel must find it set
  if (setup.cancel.aborted) markCancelled();
  else setup.cancel.addEventListener('abort', markCancelled, { once: true });
  for (const token of [setup.workflow.env, setup.spec.env])
    job.env = { ...job.env, ...(await evaluateTexts(token, job.scope(job.frame))) };
  return job;
}

async function makePlaces(root: string, leg: Leg, options: RunWorkflowOptions): Promise<JobPlaces> {
  const pick = (value: string | ((leg: Leg) => string)) => (typeof value === 'function' ? value(leg) : value);
  const own = {
    home: path.join(root, 'home'),
    temp: path.join(root, '_temp'),
    toolCache: path.join(root, '_tool'),
  };
  for (const directory of Object.values(own)) await mkdir(directory);
  const { uid, gid } = options;
  if (uid !== undefined)
    for (const directory of [root, ...Object.values(own)]) await chown(directory, uid, gid ?? uid);
  return {
    ...own,
    workspace: pick(options.workspace),
    home: options.home === undefined ? own.home : pick(options.home),
    eventFile: path.join(root, 'event.json'),
  };
}
