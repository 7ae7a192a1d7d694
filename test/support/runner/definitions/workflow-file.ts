import { readFile } from 'node:fs/promises';
import type { Step, WorkflowTemplate } from '@actions/workflow-parser/model/workflow-template';
import type { MappingToken, TemplateToken } from '@actions/workflow-parser/templates/tokens/index';
import {
  convertWorkflowTemplate,
  isMapping,
  isSequence,
  NoOperationTraceWriter,
  parseWorkflow,
} from './parser.ts';

/** A step of a workflow or of a composite action. Values are tokens, which are evaluated when the step runs. */
export interface StepSpec {
  readonly id: string;
  readonly name: TemplateToken | undefined;
  /** Begins with `success() &&` unless it names a status. */
  readonly condition: string;
  readonly run: TemplateToken | undefined;
  readonly uses: string | undefined;
  readonly inputs: TemplateToken | undefined;
  readonly env: TemplateToken | undefined;
  readonly shell: TemplateToken | undefined;
  readonly workingDirectory: TemplateToken | undefined;
  readonly continueOnError: TemplateToken | undefined;
  readonly timeoutMinutes: TemplateToken | undefined;
}

export interface JobSpec {
  readonly id: string;
  readonly name: TemplateToken | undefined;
  readonly needs: readonly string[];
  readonly condition: string;
  readonly strategy: TemplateToken | undefined;
  readonly env: TemplateToken | undefined;
  readonly outputs: TemplateToken | undefined;
  /** `defaults.run` of the job, then of the workflow. */
  readonly defaults: readonly (MappingToken | undefined)[];
  readonly continueOnError: TemplateToken | undefined;
  readonly steps: readonly StepSpec[];
}

export interface WorkflowSpec {
  readonly name: string;
  readonly env: TemplateToken | undefined;
  readonly jobs: readonly JobSpec[];
}

/**
 * Reads a workflow with GitHub's own parser.
 *
 * @throws Error with the parser's objections.
 */
export async function readWorkflow(source: { file?: string; text?: string }): Promise<WorkflowSpec> {
  const name = source.file ?? 'workflow.yml';
  const content = source.text ?? (await readFile(name, 'utf8'));
  const { context, value } = parseWorkflow({ name, content }, new NoOperationTraceWriter());
  const template: WorkflowTemplate | undefined = value && (await convertWorkflowTemplate(context, value));
  failOn(name, context.errors.getErrors());
  const root = asMapping(value);
  const rawJobs = asMapping(root?.find('jobs'));
  return {
    name: root?.find('name')?.toString() ?? name,
    env: root?.find('env'),
    jobs: (template?.jobs ?? []).map(job => {
      const raw = asMapping(rawJobs?.find(job.id.value));
      if (job.type !== 'job' || raw === undefined)
        throw new Error(`${name}: the job '${job.id.value}' calls a workflow, which this runner cannot do`);
      return {
        id: job.id.value,
        name: raw.find('name'),
        needs: (job.needs ?? []).map(need => need.value),
        condition: job.if.expression,
        strategy: raw.find('strategy'),
        env: raw.find('env'),
        outputs: raw.find('outputs'),
        defaults: [runDefaults(raw), runDefaults(root)],
        continueOnError: raw.find('continue-on-error'),
        steps: toSteps(job.steps, raw.find('steps')),
      };
    }),
  };
}

/** Returns the parser's steps with the fields that it omits (`with`, `shell`, ...), from the tokens. */
export function toSteps(steps: readonly Step[], tokens: TemplateToken | undefined): StepSpec[] {
  if (tokens === undefined || !isSequence(tokens)) return [];
  return steps.map((step, index) => {
    const raw = asMapping(tokens.get(index));
    if (!('run' in step) && !('uses' in step))
      throw new Error(`the step '${step.id}' is neither run nor uses`);
    return {
      id: step.id,
      name: raw?.find('name'),
      condition: step.if.expression,
      run: 'run' in step ? step.run : undefined,
      uses: 'uses' in step ? step.uses.value : undefined,
      inputs: raw?.find('with'),
      env: raw?.find('env'),
      shell: raw?.find('shell'),
      workingDirectory: raw?.find('working-directory'),
      continueOnError: raw?.find('continue-on-error'),
      timeoutMinutes: raw?.find('timeout-minutes'),
    };
  });
}

function runDefaults(token: MappingToken | undefined): MappingToken | undefined {
  return asMapping(asMapping(token?.find('defaults'))?.find('run'));
}

export function asMapping(token: TemplateToken | undefined): MappingToken | undefined {
  return token !== undefined && isMapping(token) ? token : undefined;
}

export function failOn(name: string, errors: readonly { message: string }[]): void {
  if (errors.length === 0) return;
  throw new Error(`${name} is not valid:\n${errors.map(error => `  ${error.message}`).join('\n')}`);
}
