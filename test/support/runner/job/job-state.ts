import path from 'node:path';
import type { ExpressionScope, Status } from '../definitions/expressions.ts';
import { hashFiles } from '../definitions/hash-files.ts';
import type { Conclusion, RunWorkflowOptions } from '../model.ts';
import { contextVariables, type JobPlaces } from './contexts.ts';
import type { JobLog, StepLog } from './job-log.ts';
import type { StepWork } from './step.ts';

/** What the `steps` context holds of one step. */
export interface StepRecord {
  readonly outputs: Readonly<Record<string, string>>;
  readonly outcome: Conclusion;
  readonly conclusion: Conclusion;
}

/** A list of steps and what they see: the job's own, or a composite action's. */
export interface StepFrame {
  readonly steps: Record<string, StepRecord>;
  /** What `success()` and `failure()` go by: the job's status, or that of the composite action alone. */
  status: Status;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** `env` of the steps around. */
  readonly env: Readonly<Record<string, string>>;
  /** Keys of `github` that are special here (`action_path`). */
  readonly github: Readonly<Record<string, unknown>>;
  /** Aborts when the step around is stopped. */
  readonly stop: AbortSignal | undefined;
  readonly log: StepLog | undefined;
  /** Secrets are the workflow's: a composite action has none. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** Everything of a job that its steps share and change. */
export class JobState {
  /** What steps exported through GITHUB_ENV. */
  readonly exported: Record<string, string> = {};
  /** What steps put before PATH, newest first. */
  readonly paths: string[] = [];
  /** Registered by main steps, run in reverse. */
  readonly posts: StepWork[] = [];
  readonly frame: StepFrame;

  readonly options: RunWorkflowOptions;
  readonly log: JobLog;
  readonly places: JobPlaces;
  readonly cancel: AbortSignal;
  /** `github`, `runner`, `matrix`, `strategy`, `needs`, `vars`: the same for the whole job. */
  readonly fixed: {
    readonly github: Readonly<Record<string, unknown>>;
    readonly runner: Readonly<Record<string, string>>;
  } & Readonly<Record<string, unknown>>;
  /** `env` of the workflow and the job. */
  env: Readonly<Record<string, string>> = {};

  constructor(parts: Pick<JobState, 'options' | 'log' | 'places' | 'cancel' | 'fixed'>) {
    this.options = parts.options;
    this.log = parts.log;
    this.places = parts.places;
    this.cancel = parts.cancel;
    this.fixed = parts.fixed;
    this.frame = {
      steps: {},
      status: 'success',
      inputs: parts.options.inputs ?? {},
      env: {},
      github: {},
      stop: undefined,
      log: undefined,
      secrets: { GITHUB_TOKEN: 'job-token', ...parts.options.secrets },
    };
  }

  /** What the expressions of a step of `frame` see; `stepEnv` is asked each time. */
  scope(frame: StepFrame, stepEnv: () => Readonly<Record<string, string>> = () => ({})): ExpressionScope {
    const inComposite = frame !== this.frame;
    const status = () => (this.frame.status === 'cancelled' ? 'cancelled' : frame.status);
    return {
      status,
      hashFiles: patterns => hashFiles(patterns, this.places.workspace),
      contexts: () => ({
        ...this.fixed,
        github: { ...this.fixed.github, ...frame.github, ...(inComposite && { action_status: status() }) },
        env: { ...this.env, ...this.exported, ...frame.env, ...stepEnv() },
        job: { status: this.frame.status },
        steps: frame.steps,
        inputs: frame.inputs,
        secrets: frame.secrets,
      }),
    };
  }

  /** The environment of a process of this job. `ACTIONS_*` of the machine is for actions only. */
  environment(
    frame: StepFrame,
    stepEnv: Readonly<Record<string, string>>,
    kind: 'run' | 'action',
  ): Record<string, string> {
    const machine = Object.entries(this.options.env ?? {}).filter(
      ([name]) => kind === 'action' || !name.startsWith('ACTIONS_'),
    );
    const variables: Record<string, string> = {
      PATH: process.env.PATH ?? '',
      HOME: this.places.home,
      ...Object.fromEntries(machine),
      ...this.env,
      ...this.exported,
      ...frame.env,
      ...stepEnv,
      ...contextVariables({ ...this.fixed.github, ...frame.github }, this.fixed.runner),
    };
    variables.PATH = [...this.paths, variables.PATH].join(path.delimiter);
    return variables;
  }

  /** A failed step fails the list it stands in; a cancel stays a cancel. */
  merge(frame: StepFrame, conclusion: Conclusion): void {
    if (conclusion === 'failure' && frame.status === 'success') frame.status = 'failure';
  }
}
