import path from 'node:path';
import { expect, test } from 'vitest';
import { environmentVariables } from '../../src/action/inputs/read-input.ts';
import { asMapping, readWorkflow } from '../support/runner/definitions/workflow-file.ts';
import { declared, documents, filesBelow, read } from './documents.ts';

/** Variables of the runner that replace no input. */
const VARIABLES = ['CACHE_S3_METRICS_FILE'];

test('every CACHE_S3_ variable in the documents belongs to an input or is one of the runner', () => {
  const names = [...declared('action.yml', 'inputs').keys()].filter(name => name !== 'job-status');
  const known = new Set([...names.flatMap(environmentVariables), ...VARIABLES]);
  // the bench has variables of its own
  const ours = documents.filter(file => file !== 'bench/README.md');
  const named = ours.flatMap(file => read(file).match(/\bCACHE_S3_[A-Z][A-Z_]*[A-Z]\b/g) ?? []);
  expect(named.length).toBeGreaterThan(5);
  for (const name of named) expect(known).toContain(name);
});

/** The YAML blocks that consist of steps, with their documents. */
const steps = documents.flatMap(file =>
  [...read(file).matchAll(/```yaml\n(- (?:.|\n)*?)```/g)].map(match => [file, match[1]!] as const),
);

test('the documents have examples of steps', () => {
  expect(steps.length).toBeGreaterThan(4);
});

test.each(steps)(
  "an example in %s is accepted by GitHub's parser and uses inputs that exist",
  async (_file, text) => {
    const job = `on: push\njobs:\n  job:\n    runs-on: x\n    steps:\n${text.replace(/^/gm, '      ')}`;
    await checkUses(job);
  },
);

test.each(filesBelow('docs/recipes', '.yml').filter(file => !file.endsWith('action.yml')))(
  "%s is accepted by GitHub's parser and uses inputs that exist",
  async file => {
    expect(await checkUses(read(file))).toBeGreaterThan(0);
  },
);

/** Reads a workflow and checks the inputs of each step that uses an action of `your-org`. Returns how many there are. */
async function checkUses(text: string): Promise<number> {
  const { jobs } = await readWorkflow({ text });
  const ours = jobs.flatMap(job => job.steps).filter(step => step.uses?.startsWith('your-org/'));
  for (const { uses = '', inputs: given } of ours) {
    const [, name = '', part = ''] =
      /^your-org\/(cache-s3|ci)(?:\/([\w-]+))?@(?:v\d+|[0-9a-f]{40})$/.exec(uses) ?? [];
    expect(name, uses).not.toBe('');
    const directory = name === 'ci' ? path.join('docs/recipes', part) : part;
    const known = [...declared(path.join(directory, 'action.yml'), 'inputs').keys()];
    const names = [...(asMapping(given) ?? [])].map(({ key }) => key.toString());
    expect(names.length).toBeGreaterThan(0);
    for (const input of names) expect(known).toContain(input);
  }
  return ours.length;
}

test('the JSON blocks of the documents are JSON', () => {
  const blocks = documents.flatMap(file => [...read(file).matchAll(/```json\n((?:.|\n)*?)```/g)]);
  expect(blocks.length).toBeGreaterThan(2);
  for (const [, text] of blocks) expect(() => JSON.parse(text!)).not.toThrow();
});
