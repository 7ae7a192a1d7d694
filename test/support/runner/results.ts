import { readClosingLine } from '../closing-line.ts';
import type { StepResult, WorkflowResult } from './model.ts';

/** Returns the main step with this id, also one of a composite action. Throws if it did not run. */
export function mainOf(result: WorkflowResult, id: string, job?: string): StepResult {
  return find(result, id, 'main', job);
}

/** Returns the post step of the step with this id. Throws if it did not run. */
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

/** Returns the fields of a phase's closing line. Returns undefined if it printed none. */
export function closingFields(step: StepResult): Readonly<Record<string, string>> | undefined {
  return readClosingLine(step.log);
}

/** Returns the lines of a step's log for people: all but the closing line for programs. */
export function linesForPeople(step: StepResult): string {
  const lines = step.log.split('\n').filter(line => !line.startsWith('cache-s3: '));
  return lines.join('\n');
}

/** Returns all warnings of a run, including those of steps of composite actions. */
export function warningsOf(result: WorkflowResult): readonly string[] {
  return result.steps.flatMap(step => [step, ...step.inner]).flatMap(step => step.warnings);
}

/** Returns the debug messages of a step. */
export function debugOf(step: StepResult): readonly string[] {
  return step.annotations.filter(({ level }) => level === 'debug').map(({ message }) => message);
}

/** Returns the conclusion of each step by its stage and id. */
export function conclusionsOf(result: WorkflowResult): Readonly<Record<string, string>> {
  return Object.fromEntries(result.steps.map(({ stage, id, conclusion }) => [`${stage} ${id}`, conclusion]));
}
