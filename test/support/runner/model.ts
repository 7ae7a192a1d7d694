/** Options and results of the runner. */

export type Conclusion = 'success' | 'failure' | 'cancelled' | 'skipped';

export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice' | 'debug';
  readonly message: string;
}

/** A line of output, after masking. `step` is the step's name, `job` the job's with its matrix values. */
export interface LogLine {
  readonly job: string;
  readonly step: string;
  readonly text: string;
}

export interface StepResult {
  /** The given id, or a generated one (`__run`, `__owner_repo_2`). */
  readonly id: string;
  readonly name: string;
  readonly stage: 'main' | 'post';
  /** Before `continue-on-error`. */
  readonly outcome: Conclusion;
  /** After it. */
  readonly conclusion: Conclusion;
  readonly outputs: Readonly<Record<string, string>>;
  /** Its output, masked, without workflow commands. */
  readonly log: string;
  readonly annotations: readonly Annotation[];
  /** The messages of its `warning` annotations, including those of the runner about unexpected inputs. */
  readonly warnings: readonly string[];
  /** The content of GITHUB_STEP_SUMMARY. */
  readonly summary: string;
  /** The exit of its process. Undefined if none was started. */
  readonly exit: ProcessExit | undefined;
  /** The steps of a composite action. */
  readonly inner: readonly StepResult[];
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Signals that the runner sent, in order. */
  readonly sent: readonly NodeJS.Signals[];
  readonly ms: number;
}

export interface JobResult {
  readonly id: string;
  /** `build (3.12, linux)` for a leg of a matrix. */
  readonly name: string;
  readonly matrix: Readonly<Record<string, unknown>>;
  readonly conclusion: Conclusion;
  readonly outputs: Readonly<Record<string, string>>;
  /** Main steps, then post steps, in the order of their runs. */
  readonly steps: readonly StepResult[];
  readonly log: string;
}

export interface WorkflowResult {
  readonly conclusion: Conclusion;
  readonly jobs: readonly JobResult[];
  /** The steps of all jobs. */
  readonly steps: readonly StepResult[];
  readonly log: string;
}

/** A leg of a matrix, for options that depend on it. */
export interface Leg {
  readonly job: string;
  readonly matrix: Readonly<Record<string, unknown>>;
}

export interface RunWorkflowOptions {
  /** A workflow file, or its text. */
  readonly file?: string;
  readonly text?: string;
  /** Runs only this job, as if those that it needs had succeeded. */
  readonly job?: string;
  /** A push to `main` by default. */
  readonly event?: { readonly name: string; readonly payload?: Readonly<Record<string, unknown>> };
  /** Overrides of the `github` context; its keys also become the GITHUB_* variables. */
  readonly github?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly vars?: Readonly<Record<string, string>>;
  readonly inputs?: Readonly<Record<string, unknown>>;
  /**
   * Maps the value of `uses`, with or without `@ref`, to the directory of the action. `./x` that is not listed is in the
   * workspace, as on a runner.
   */
  readonly actions?: Readonly<Record<string, string>>;
  /** The machine's environment. `ACTIONS_*` reaches actions only, not `run:` steps. */
  readonly env?: Readonly<Record<string, string>>;
  readonly workspace: string | ((leg: Leg) => string);
  /** By default a new directory for each job, which is removed afterwards. */
  readonly home?: string | ((leg: Leg) => string);
  /** Runs the steps as this user if the caller is root. The caller gives the workspace and the home to the user. */
  readonly uid?: number;
  readonly gid?: number;
  /** Cancels the run. */
  readonly signal?: AbortSignal;
  /** Cancels the run at the first line of output for which it returns true. */
  readonly cancelWhen?: (line: LogLine) => boolean;
  /** Called with each line as it comes. */
  readonly onLine?: (line: LogLine) => void;
  /** Waits between the signals of a cancel, in ms. By default those of the runner: 7,500 and 2,500. */
  readonly grace?: Grace;
}

export interface Grace {
  readonly interruptMs: number;
  readonly terminateMs: number;
}
