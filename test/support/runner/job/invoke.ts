import { runnerGrace } from '../process/process.ts';
import { runStepProcess } from '../process/step-process.ts';
import type { Performed, StepContext } from './step.ts';

/** The limit of the runner (docs.github.com, "Adding a job summary"). */
const SUMMARY_LIMIT_BYTES = 1024 * 1024;

interface Invocation {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly kind: 'run' | 'action';
  /** Added to the step's variables: INPUT_*, STATE_*. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Runs a step's process with the runner's files, and applies their content, also after a cancel. */
export async function invokeStep(
  context: StepContext,
  invocation: Invocation,
): Promise<Performed & { readonly state: Readonly<Record<string, string>> }> {
  const { job, log } = context;
  const { uid, gid } = job.options;
  const { exit, written } = await runStepProcess(invocation.command, invocation.args, {
    temp: job.places.temp,
    cwd: invocation.cwd,
    env: { ...job.environment(context.frame, context.env, invocation.kind), ...invocation.variables },
    uid,
    gid,
    stop: context.stop,
    grace: job.options.grace ?? runnerGrace,
    onLine: line => log.readLine(line),
  });
  Object.assign(job.exported, written.env);
  job.paths.unshift(...[...written.path].reverse());
  if (exit.code !== 0 && invocation.kind === 'run' && !context.stop.aborted)
    log.annotate('error', `Process completed with exit code ${exit.code ?? exit.signal}.`);
  const bytes = Buffer.byteLength(written.summary);
  if (bytes > SUMMARY_LIMIT_BYTES)
    log.annotate(
      'error',
      `$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k, got ${Math.ceil(bytes / 1024)}k.`,
    );
  return {
    outcome: exit.code === 0 ? 'success' : 'failure',
    outputs: written.output,
    state: written.state,
    summary: bytes > SUMMARY_LIMIT_BYTES ? '' : written.summary,
    exit,
  };
}
