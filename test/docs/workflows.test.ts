import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { WorkflowTemplate } from '@actions/workflow-parser/model/workflow-template';
import { describe, expect, test } from 'vitest';
import {
  convertWorkflowTemplate,
  NoOperationTraceWriter,
  parseWorkflow,
} from '../support/runner/definitions/parser.ts';
import { projectRoot, read as readFile } from './documents.ts';

/** Checks the project's own workflows, which cannot run here, with GitHub's parser and against the project's rules. */

const directory = '.github/workflows';
const files = readdirSync(path.join(projectRoot, directory));
const read = (file: string) => readFile(path.join(directory, file));

/** Parses a workflow. Returns it with the parser's error messages. */
async function parse(file: string): Promise<{ template: WorkflowTemplate; errors: string[] }> {
  const source = { name: file, content: read(file) };
  const { context, value } = parseWorkflow(source, new NoOperationTraceWriter());
  const template = await convertWorkflowTemplate(context, value!);
  return { template, errors: context.errors.getErrors().map(({ message }) => message) };
}

type Jobs = WorkflowTemplate['jobs'];

/** Returns the ids of all jobs that must succeed before `id` runs. */
function allNeeds(jobs: Jobs, id: string): Set<string> {
  const own = jobs.find(job => job.id.value === id)?.needs?.map(need => need.value) ?? [];
  return new Set(own.flatMap(need => [need, ...allNeeds(jobs, need)]));
}

describe.each(files)('workflow %s', file => {
  test('is accepted by the parser and has jobs', async () => {
    const { template, errors } = await parse(file);
    expect(errors).toEqual([]);
    expect(template.jobs.length).toBeGreaterThan(0);
  });

  test('pins every action of others to a commit, with its release in a comment', () => {
    const uses = [...read(file).matchAll(/^\s*(?:- )?uses: (.*)$/gm)].map(match => match[1]!);
    const others = uses.filter(name => !name.startsWith('./'));
    expect(others.length).toBeGreaterThan(0);
    for (const name of others) expect(name).toMatch(/^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test('grants only `contents: read` at the top', () => {
    expect(read(file)).toMatch(/^permissions:\n {2}contents: read$/m);
  });

  test('runs only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFile('package.json'));
    const run = [...read(file).matchAll(/\bnpm (?:run )?([\w:-]+)/g)].map(match => match[1]!);
    for (const script of run) expect(Object.keys(scripts)).toContain(script);
  });

  test('sets a time limit for each of its own jobs', async () => {
    const { template } = await parse(file);
    const own = template.jobs.filter(job => job.type === 'job');
    expect(own.length).toBeGreaterThan(0);
    expect(read(file).match(/^ {4}timeout-minutes: /gm)).toHaveLength(own.length);
  });
});

test("CI's gate job needs every other job and always runs", async () => {
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

test('CI runs the tests with a gateway on the release of Debian that the documents name', () => {
  const job = read('ci.yml')
    .split('\n  gateway:\n')[1]
    ?.split(/\n {2}\w+:\n/)[0];
  expect(job).toMatch(/^ {4}container: node:24-bookworm$/m);
  expect(job).toContain('run: npm test\n');
  expect(readFileSync(path.join(projectRoot, 'README.md'), 'utf8')).toContain('all tests in Debian 12');
});

describe('workflow release.yml', () => {
  const text = read('release.yml');
  /** The lines of one job. */
  const job = (id: string) => text.split(`\n  ${id}:\n`)[1]?.split(/\n {2}\w+:\n/)[0] ?? '';

  test('publishes after all other jobs, from the only job that may write contents', async () => {
    const { template } = await parse('release.yml');
    const others = template.jobs.map(({ id }) => id.value).filter(id => id !== 'publish');
    expect(allNeeds(template.jobs, 'publish')).toEqual(new Set(others));
    const checks = template.jobs.find(({ id }) => id.value === 'checks');
    expect(checks?.type === 'reusableWorkflowJob' && checks.ref.value).toBe('./.github/workflows/ci.yml');
    expect(text.match(/contents: write/g)).toHaveLength(1);
    expect(job('publish')).toContain('contents: write');
  });

  test('attests the dist/ that it has built, from the only job that may, after all checks', async () => {
    const { template } = await parse('release.yml');
    expect(allNeeds(template.jobs, 'attest')).toEqual(new Set(['checks', 'version']));
    for (const right of ['id-token: write', 'attestations: write']) {
      expect(text.split(right)).toHaveLength(2);
      expect(job('attest')).toContain(right);
    }
    const [build, attest] = [/run: npm run check:dist\n/, /uses: actions\/attest-build-provenance@/].map(
      pattern => job('attest').search(pattern),
    );
    expect(build).toBeGreaterThan(0);
    expect(attest).toBeGreaterThan(build!);
    expect(job('attest')).toContain('subject-path: dist/**\n');
  });

  test('releases only a commit of main whose version and date are in the changelog', () => {
    for (const check of ['"$TAG" != "v$version"', '- [0-9]{4}-[0-9]{2}-[0-9]{2}$"', 'origin/main; then\n'])
      expect(job('version')).toContain(check);
    expect(job('version')).toContain('fetch-depth: 0');
  });

  test('moves the major tag and no other, after the release is published', () => {
    expect(text.match(/\bgit (?:push|tag)\b.*/g)).toEqual([
      'git tag --force "$major" "$TAG"',
      'git push --force origin "refs/tags/$major"',
    ]);
    expect(text.indexOf('gh release create "$TAG" --verify-tag')).toBeGreaterThan(0);
    expect(text.indexOf('gh release create')).toBeLessThan(text.indexOf('git push'));
  });
});
