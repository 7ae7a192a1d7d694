import type { StepResult, WorkflowResult } from './model.ts';

/** The main step with this id, in whatever composite action it is. Throws where there is none. */
export function mainOf(result: WorkflowResult, id: string, job?: string): StepResult {
  return find(result, id, 'main', job);
}

export function postOf(result: WorkflowResult, id: string, job?: string): StepResult {
  return find(result, id, 'post', job);
}

function find(result: WorkflowResult, id: string, stage: StepResult['stage'], job?: string): StepResult {
  const steps = result.jobs.filter(one => job === undefined || one.name === job).flatMap(one => one.steps);
  const found = steps
    .flatMap(step => [step, ...step.inner])
    .find(step => step.id === id && step.stage === stage);
  if (found === undefined) throw new Error(`no ${stage} step '${id}' ran:\n${result.log}`);
  return found;
}

/** The fields of a phase's line for machines; undefined where it printed none. */
export function closingFields(step: StepResult): Readonly<Record<string, string>> | undefined {
  const line = /^cache-s3: (.*)$/m.exec(step.log)?.[1];
  if (line === undefined) return undefined;
  return Object.fromEntries(line.split(' ').map(pair => pair.split('=') as [string, string]));
}

/** What a step told people: its log without the line for machines. */
export function saidBy(step: StepResult): string {
  const lines = step.log.split('\n').filter(line => !line.startsWith('cache-s3: '));
  return lines.join('\n');
}

/** All warnings of a run, also those of the steps of composite actions. */
export function warningsOf(result: WorkflowResult): readonly string[] {
  return result.steps.flatMap(step => [step, ...step.inner]).flatMap(step => step.warnings);
}

/** What the debug log holds of a step. */
export function debugOf(step: StepResult): readonly string[] {
  return step.annotations.filter(({ level }) => level === 'debug').map(({ message }) => message);
}

/** The conclusion of each step, by its stage and id. */
export function conclusionsOf(result: WorkflowResult): Readonly<Record<string, string>> {
  return Object.fromEntries(result.steps.map(({ stage, id, conclusion }) => [`${stage} ${id}`, conclusion]));
}
