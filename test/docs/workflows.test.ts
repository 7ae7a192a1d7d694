import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { WorkflowTemplate } from '@actions/workflow-parser/model/workflow-template';
import { describe, expect, test } from 'vitest';
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from '../e2e/runner/parser.ts';

/** The project's own workflows, which cannot run here: held against GitHub's parser and the rules they follow. */

const root = path.resolve(import.meta.dirname, '../..');
const directory = path.join(root, '.github/workflows');
const files = readdirSync(directory);
const read = (file: string) => readFileSync(path.join(directory, file), 'utf8');

/** The parsed workflow, and what the parser objects to. */
async function parse(file: string): Promise<{ template: WorkflowTemplate; errors: string[] }> {
  const source = { name: file, content: read(file) };
  const { context, value } = parseWorkflow(source, new NoOperationTraceWriter());
  const template = await convertWorkflowTemplate(context, value!);
  return { template, errors: context.errors.getErrors().map(({ message }) => message) };
}

type Jobs = WorkflowTemplate['jobs'];

/** The jobs that `id` waits for, through any number of others. */
function allNeeds(jobs: Jobs, id: string): Set<string> {
  const own = jobs.find(job => job.id.value === id)?.needs?.map(need => need.value) ?? [];
  return new Set(own.flatMap(need => [need, ...allNeeds(jobs, need)]));
}

describe.each(files)('%s', file => {
  test('is valid', async () => {
    const { template, errors } = await parse(file);
    expect(errors).toEqual([]);
    expect(template.jobs.length).toBeGreaterThan(0);
  });

  test('uses other actions by commit, with their release beside it', () => {
    const uses = [...read(file).matchAll(/^\s*(?:- )?uses: (.*)$/gm)].map(match => match[1]!);
    const others = uses.filter(name => !name.startsWith('./'));
    expect(others.length).toBeGreaterThan(0);
    for (const name of others) expect(name).toMatch(/^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test('runs with no right but reading, unless a job says so', () => {
    expect(read(file)).toMatch(/^permissions:\n {2}contents: read$/m);
  });

  test('runs only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    const run = [...read(file).matchAll(/\bnpm (?:run )?([\w:-]+)/g)].map(match => match[1]!);
    for (const script of run) expect(Object.keys(scripts)).toContain(script);
  });

  test('gives every job of its own an end', async () => {
    const { template } = await parse(file);
    const own = template.jobs.filter(job => job.type === 'job');
    expect(own.length).toBeGreaterThan(0);
    expect(read(file).match(/^ {4}timeout-minutes: /gm)).toHaveLength(own.length);
  });
});

test('the gate of CI waits for every other job, and runs whatever becomes of them', async () => {
  const { template } = await parse('ci.yml');
  const gate = template.jobs.find(job => job.id.value === 'gate');
  const others = template.jobs.map(job => job.id.value).filter(id => id !== 'gate');
  expect(gate?.needs?.map(need => need.value).toSorted()).toEqual(others.toSorted());
  expect(gate?.if.expression).toBe('always()');
});

test('CI covers Linux, macOS and Windows, dist/ and the gateway', () => {
  for (const os of ['ubuntu-24.04', 'macos-15', 'windows-2025']) expect(read('ci.yml')).toContain(os);
  for (const script of ['lint', 'types', 'check:dist', 'test:local', 'demo'])
    expect(read('ci.yml')).toContain(`run: npm run ${script}\n`);
  expect(read('ci.yml')).toContain('run: npm test\n');
});

test('a release is published after all checks, by the one job that may write', async () => {
  const { template } = await parse('release.yml');
  const others = template.jobs.map(job => job.id.value).filter(id => id !== 'publish');
  expect(allNeeds(template.jobs, 'publish')).toEqual(new Set(others));
  const checks = template.jobs.find(job => job.id.value === 'checks');
  expect(checks?.type === 'reusableWorkflowJob' && checks.ref.value).toBe('./.github/workflows/ci.yml');
  expect(read('release.yml').match(/contents: write/g)).toHaveLength(1);
  expect(read('release.yml').indexOf('gh release create')).toBeLessThan(
    read('release.yml').indexOf('git push --force'),
  );
});
