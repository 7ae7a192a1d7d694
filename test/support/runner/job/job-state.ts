import path from 'node:path';
import type { ExpressionScope, Status } from '../definitions/expressions.ts';
import { hashFiles } from '../definitions/hash-files.ts';
import type { Conclusion, RunWorkflowOptions } from '../model.ts';
import { contextVariables, type JobPlaces } from './contexts.ts';
import type { JobLog, StepLog } from './job-log.ts';
import type { StepWork } from './step.ts';

/** A step in the `steps` context. */
interface StepRecord {
  readonly outputs: Readonly<Record<string, string>>;
  readonly outcome: Conclusion;
  readonly conclusion: Conclusion;
}

/** The steps of a job or of a composite action, with their contexts. */
export interface StepFrame {
  readonly steps: Record<string, StepRecord>;
  /** The status for `success()` and `failure()`: that of the job, or of the composite action alone. */
  status: Status;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** `env` of the steps around it. */
  readonly env: Readonly<Record<string, string>>;
  /** Keys of `github` for these steps (`action_path`). */
  readonly github: Readonly<Record<string, unknown>>;
  /** Aborts when the step around it is stopped. */
  readonly stop: AbortSignal | undefined;
  readonly log: StepLog | undefined;
  /** A composite action has none. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** The state of a job, which its steps share and change. */
export class JobState {
  /** The variables of GITHUB_ENV. */
  readonly exported: Record<string, string> = {};
  /** The directories of GITHUB_PATH, newest first. */
  readonly paths: string[] = [];
  /** Registered by main steps, and run in reverse order. */
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

  /** Returns the values for expressions of a step of `frame`. Each evaluation calls `stepEnv`. */
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

  /** Returns the environment of a process of this job. Only actions get `ACTIONS_*` of the machine. */
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

  /** Makes a frame fail with its step, unless it is cancelled. */
  merge(frame: StepFrame, conclusion: Conclusion): void {
    if (conclusion === 'failure' && frame.status === 'success') frame.status = 'failure';
  }
}
