import {
  type ExpressionScope,
  evaluateCondition,
  evaluateText,
  evaluateValue,
} from './definitions/expressions.ts';
import { hashFiles } from './definitions/hash-files.ts';
import { expandMatrix, legName, type Matrix } from './definitions/matrix.ts';
import { type JobSpec, readWorkflow, type WorkflowSpec } from './definitions/workflow-file.ts';
import { runWorkflowJob } from './job/job.ts';
import type { Conclusion, JobResult, LogLine, RunWorkflowOptions, WorkflowResult } from './model.ts';

/**
 * Runs a workflow file on this machine by the rules of actions/runner, as far as they matter to a cache action: YAML and
 * expressions (GitHub's own parser and evaluator), `run:`, JavaScript and composite actions, post steps, matrix, `needs`,
 * cancel. Not supported: containers, services, reusable workflows, `pre`, background steps, `concurrency`,
 * `max-parallel`, triggers (the test gives the event).
 *
 * @throws Error when the workflow is not valid. A failed step is a result, not an error.
 */
export async function runWorkflow(options: RunWorkflowOptions): Promise<WorkflowResult> {
  const workflow = await readWorkflow(options);
  const run = new Run(workflow, options);
  const wanted = workflow.jobs.filter(job => options.job === undefined || job.id === options.job);
  if (wanted.length === 0) throw new Error(`the workflow has no job '${options.job}'`);
  const done = new Map<string, Promise<readonly JobResult[]>>();
  const start = (job: JobSpec): Promise<readonly JobResult[]> => {
    const started = done.get(job.id) ?? run.job(job, options.job === undefined ? needed(job) : []);
    done.set(job.id, started);
    return started;
  };
  const needed = (job: JobSpec) =>
    job.needs.map(id => ({ id, results: start(workflow.jobs.find(other => other.id === id) as JobSpec) }));
  const jobs = (await Promise.all(wanted.map(start))).flat();
  return {
    conclusion: run.conclude(jobs),
    jobs,
    steps: jobs.flatMap(job => job.steps),
    log: jobs.map(job => job.log).join('\n'),
  };
}

interface Need {
  readonly id: string;
  readonly results: Promise<readonly JobResult[]>;
}

class Run {
  readonly #workflow: WorkflowSpec;
  readonly #options: RunWorkflowOptions;
  readonly #cancel = new AbortController();
  /** Legs with `continue-on-error`. */
  readonly #forgiven = new Set<JobResult>();

  constructor(workflow: WorkflowSpec, options: RunWorkflowOptions) {
    this.#workflow = workflow;
    this.#options = options;
    const { signal } = options;
    if (signal?.aborted) this.#cancel.abort();
    signal?.addEventListener('abort', () => this.#cancel.abort(), { once: true });
  }

  async job(spec: JobSpec, needs: readonly Need[]): Promise<readonly JobResult[]> {
    const results = await Promise.all(
      needs.map(async ({ id, results }) => [id, summary(await results)] as const),
    );
    const needsContext = Object.fromEntries(results);
    const scope = this.#scope(needsContext);
    if (!(await evaluateCondition(spec.condition, scope))) return [this.#withoutSteps(spec)];
    const strategy = (await evaluateValue(spec.strategy, scope)) as {
      matrix?: Matrix;
      'fail-fast'?: boolean;
    };
    const legs = expandMatrix(strategy?.matrix);
    const failFast = strategy?.['fail-fast'] ?? true;
    const siblings = new AbortController();
    return Promise.all(
      legs.map(async (matrix, index) => {
        const legScope = this.#scope(needsContext, matrix);
        const written = spec.name && (await evaluateText(spec.name, legScope));
        const result = await runWorkflowJob(
          {
            workflow: this.#workflow,
            spec,
            name: written || legName(spec.id, matrix),
            matrix,
            strategy: { 'fail-fast': failFast, 'job-index': index, 'job-total': legs.length },
            needs: needsContext,
            cancel: AbortSignal.any([this.#cancel.signal, siblings.signal]),
            onLine: line => this.#see(line),
          },
          this.#options,
        );
        const forgiven = (await evaluateText(spec.continueOnError, legScope)) === 'true';
        if (forgiven) this.#forgiven.add(result);
        if (result.conclusion === 'failure' && failFast && !forgiven) siblings.abort();
        return result;
      }),
    );
  }

  conclude(jobs: readonly JobResult[]): Conclusion {
    const conclusions = jobs.filter(job => !this.#forgiven.has(job)).map(job => job.conclusion);
    if (conclusions.includes('failure')) return 'failure';
    if (conclusions.includes('cancelled')) return 'cancelled';
    return conclusions.every(conclusion => conclusion === 'skipped') && jobs.length > 0
      ? 'skipped'
      : 'success';
  }

  #see(line: LogLine): void {
    this.#options.onLine?.(line);
    if (this.#options.cancelWhen?.(line)) this.#cancel.abort();
  }

  /** Returns the values for expressions of a job. */
  #scope(needs: Readonly<Record<string, { result: Conclusion }>>, matrix: Matrix = {}): ExpressionScope {
    const results = Object.values(needs).map(need => need.result);
    const failed = results.includes('failure');
    const allWell = results.every(result => result === 'success');
    return {
      status: () => {
        if (this.#cancel.signal.aborted) return 'cancelled';
        if (failed) return 'failure';
        return allWell ? 'success' : 'skipped';
      },
      hashFiles: patterns => {
        const { workspace } = this.#options;
        return hashFiles(
          patterns,
          typeof workspace === 'string' ? workspace : workspace({ job: '', matrix }),
        );
      },
      contexts: () => ({
        github: {
          event_name: this.#options.event?.name ?? 'push',
          ref: 'refs/heads/main',
          ...this.#options.github,
        },
        needs,
        matrix,
        inputs: this.#options.inputs ?? {},
        vars: this.#options.vars ?? {},
      }),
    };
  }

  #withoutSteps(spec: JobSpec): JobResult {
    const conclusion = this.#cancel.signal.aborted ? 'cancelled' : 'skipped';
    return { id: spec.id, name: spec.id, matrix: {}, conclusion, outputs: {}, steps: [], log: '' };
  }
}

/** Returns a job in the context `needs`: the worst result of its legs, and the outputs of all. */
function summary(legs: readonly JobResult[]): { result: Conclusion; outputs: Record<string, string> } {
  const worst = (['failure', 'cancelled', 'skipped'] as const).find(conclusion =>
    legs.some(leg => leg.conclusion === conclusion),
  );
  return { result: worst ?? 'success', outputs: Object.assign({}, ...legs.map(leg => leg.outputs)) };
}
