import path from 'node:path';
import { expect, test } from 'vitest';
import { fleetVariables } from '../../src/action/inputs/read-input.ts';
import { asMapping, readWorkflow } from '../e2e/runner/workflow-file.ts';
import { declared, documents, read } from './documents.ts';

test('every CACHE_S3_ variable in the documents belongs to an input', () => {
  const names = [...declared('action.yml', 'inputs').keys()].filter(name => name !== 'job-status');
  const known = new Set(names.flatMap(fleetVariables));
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
    const { jobs } = await readWorkflow({ text: job });
    for (const { uses = '', inputs: given } of jobs[0]!.steps) {
      const part = /^your-org\/cache-s3(\/\w+)?@(?:v\d+|[0-9a-f]{40})$/.exec(uses);
      expect(part !== null, uses).toBe(uses.startsWith('your-org/'));
      if (!part) continue;
      const known = declared(path.join(part[1] ?? '', 'action.yml').replace(/^[\\/]/, ''), 'inputs');
      const names = [...(asMapping(given) ?? [])].map(({ key }) => key.toString());
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) expect([...known.keys()]).toContain(name);
    }
  },
);

test('the JSON blocks of the documents are JSON', () => {
  const blocks = documents.flatMap(file => [...read(file).matchAll(/```json\n((?:.|\n)*?)```/g)]);
  expect(blocks.length).toBeGreaterThan(2);
  for (const [, text] of blocks) expect(() => JSON.parse(text!)).not.toThrow();
});
