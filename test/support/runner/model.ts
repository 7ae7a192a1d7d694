/** What a test asks of the runner, and what it gets back. */

export type Conclusion = 'success' | 'failure' | 'cancelled' | 'skipped';

export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice' | 'debug';
  readonly message: string;
}

/** One line of output, after masking. `step` is its step's name, `job` the job's (with its matrix values). */
export interface LogLine {
  readonly job: string;
  readonly step: string;
  readonly text: string;
}

export interface StepResult {
  /** As written, or what the runner makes up (`__run`, `__owner_repo_2`). */
  readonly id: string;
  readonly name: string;
  readonly stage: 'main' | 'post';
  /** Before `continue-on-error`. */
  readonly outcome: Conclusion;
  /** After it. */
  readonly conclusion: Conclusion;
  readonly outputs: Readonly<Record<string, string>>;
  /** What it printed, masked, workflow commands taken out. */
  readonly log: string;
  readonly annotations: readonly Annotation[];
  /** The messages of its `warning` annotations: the runner's own (unexpected inputs) too. */
  readonly warnings: readonly string[];
  /** What it wrote to GITHUB_STEP_SUMMARY. */
  readonly summary: string;
  /** Of its process; undefined: none was started. */
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
  /** Main steps, then post steps, in the order they ran. */
  readonly steps: readonly StepResult[];
  readonly log: string;
}

export interface WorkflowResult {
  readonly conclusion: Conclusion;
  readonly jobs: readonly JobResult[];
  /** Of all jobs. */
  readonly steps: readonly StepResult[];
  readonly log: string;
}

/** A leg of a matrix, for options that differ by leg. */
export interface Leg {
  readonly job: string;
  readonly matrix: Readonly<Record<string, unknown>>;
}

export interface RunWorkflowOptions {
  /** A workflow file, or its text. */
  readonly file?: string;
  readonly text?: string;
  /** Only this job, as if those it needs had succeeded. */
  readonly job?: string;
  /** Default: a push to `main`. */
  readonly event?: { readonly name: string; readonly payload?: Readonly<Record<string, unknown>> };
  /** Overrides of the `github` context; its keys also become the GITHUB_* variables. */
  readonly github?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly vars?: Readonly<Record<string, string>>;
  readonly inputs?: Readonly<Record<string, unknown>>;
  /**
   * Where actions are: what stands behind `uses:`, with or without `@ref`, to a directory. `./x` that is not listed is
   * looked up in the workspace, as on a runner.
   */
  readonly actions?: Readonly<Record<string, string>>;
  /** The machine's environment. `ACTIONS_*` reaches actions only, not `run:` steps. */
  readonly env?: Readonly<Record<string, string>>;
  readonly workspace: string | ((leg: Leg) => string);
  /** Default: a new directory for each job, removed afterwards. */
  readonly home?: string | ((leg: Leg) => string);
  /** Run the steps as this user (the caller is root). Workspace and home are the caller's to hand over. */
  readonly uid?: number;
  readonly gid?: number;
  /** Cancels the run. */
  readonly signal?: AbortSignal;
  /** Cancels the run at the first line of output for which this is true. */
  readonly cancelWhen?: (line: LogLine) => boolean;
  /** Sees each line as it comes. */
  readonly onLine?: (line: LogLine) => void;
  /** Waits between the signals of a cancel, in ms. Default: the runner's own, 7,500 and 2,500. */
  readonly grace?: Grace;
}

export interface Grace {
  readonly interruptMs: number;
  readonly terminateMs: number;
}
