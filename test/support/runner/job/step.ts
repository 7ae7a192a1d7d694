import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/index';
import {
  type ExpressionScope,
  evaluateCondition,
  evaluateText,
  evaluateTexts,
} from '../definitions/expressions.ts';
import type { Conclusion, ProcessExit, StepResult } from '../model.ts';
import { StepLog } from './job-log.ts';
import type { JobState, StepFrame } from './job-state.ts';

/** A step to run: a main step, or a registered post step. */
export interface StepWork {
  readonly id: string;
  readonly stage: 'main' | 'post';
  readonly name: (scope: ExpressionScope) => Promise<string>;
  readonly condition: string;
  readonly env: TemplateToken | undefined;
  readonly continueOnError: TemplateToken | undefined;
  readonly timeoutMinutes: TemplateToken | undefined;
  readonly perform: (context: StepContext) => Promise<Performed>;
}

export interface StepContext {
  readonly job: JobState;
  readonly frame: StepFrame;
  readonly scope: ExpressionScope;
  readonly env: Readonly<Record<string, string>>;
  readonly log: StepLog;
  /** Aborts when the step must end: at a cancel or at its time limit. */
  readonly stop: AbortSignal;
}

/** The result of a step's work. */
export interface Performed {
  readonly outcome: 'success' | 'failure';
  readonly outputs?: Readonly<Record<string, string>>;
  readonly summary?: string;
  readonly exit?: ProcessExit;
  readonly inner?: readonly StepResult[];
}

/**
 * Runs a step by the rules of actions/runner (StepsRunner.cs): condition, time limit, cancel, `continue-on-error`, and its
 * effect on the job.
 */
export async function runStep(work: StepWork, job: JobState, frame: StepFrame): Promise<StepResult> {
  let env: Record<string, string> = {};
  const scope = job.scope(frame, () => env);
  const name = await work.name(scope);
  const log = new StepLog(job.log, name, frame.log);
  let performed: Performed = { outcome: 'failure' };
  let outcome: Conclusion = 'failure';
  let mayFail = false;
  try {
    env = await evaluateTexts(work.env, scope);
    if (await evaluateCondition(work.condition, scope)) {
      mayFail = (await evaluateText(work.continueOnError, scope)) === 'true';
      const minutes = Number((await evaluateText(work.timeoutMinutes, scope)) || 'NaN');
      const limits = new StopConditions(work, job, frame, scope, minutes);
      performed = await work
        .perform({ job, frame, scope, env, log, stop: limits.stop })
        .finally(() => limits.end());
      outcome = limits.conclude(performed.outcome, log, name);
    } else {
      outcome = 'skipped';
    }
  } catch (error) {
    log.annotate('error', error instanceof Error ? error.message : String(error));
  }
  const conclusion = outcome === 'failure' && mayFail ? 'success' : outcome;
  const outputs = performed.outputs ?? {};
  // The context has only steps with an id of their own
  if (work.stage === 'main' && !work.id.startsWith('__'))
    frame.steps[work.id] = { outputs, outcome, conclusion };
  job.merge(frame, conclusion);
  return {
    id: work.id,
    name,
    stage: work.stage,
    outcome,
    conclusion,
    outputs,
    log: log.text,
    annotations: log.annotations,
    warnings: log.warnings,
    summary: performed.summary ?? '',
    exit: performed.exit,
    inner: performed.inner ?? [],
  };
}

/** The causes that end a step early: the step around it, its time limit, and a cancel after which its condition is false. */
class StopConditions {
  readonly #controller = new AbortController();
  readonly #cleanup = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #minutes: number;

  constructor(work: StepWork, job: JobState, frame: StepFrame, scope: ExpressionScope, minutes: number) {
    this.#minutes = minutes;
    if (!Number.isNaN(minutes))
      this.#timer = setTimeout(() => this.#controller.abort('time'), minutes * 60_000);
    const listen = { once: true, signal: this.#cleanup.signal } as const;
    frame.stop?.addEventListener('abort', () => this.#controller.abort('cancel'), listen);
    const onCancel = async () => {
      if (!(await evaluateCondition(work.condition, scope))) this.#controller.abort('cancel');
    };
    if (job.cancel.aborted) void onCancel();
    else job.cancel.addEventListener('abort', () => void onCancel(), listen);
  }

  get stop(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#cleanup.abort();
  }

  /** Returns the conclusion of a step: a stopped one did not succeed, whatever its exit code. */
  conclude(outcome: 'success' | 'failure', log: StepLog, name: string): Conclusion {
    if (!this.stop.aborted) return outcome;
    if (this.stop.reason === 'cancel') {
      log.annotate('error', 'The operation was canceled.');
      return 'cancelled';
    }
    log.annotate('error', `The action '${name}' has timed out after ${this.#minutes} minutes.`);
    return 'failure';
  }
}
