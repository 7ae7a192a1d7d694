import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseEndpoint } from '../../src/action/inputs/endpoint.ts';
import { parseInputs } from '../../src/action/inputs/inputs.ts';
import { fleetVariables } from '../../src/action/inputs/read-input.ts';
import { inputEnv } from '../action/support.ts';
import { asMapping, readWorkflow } from '../e2e/runner/workflow-file.ts';

/** What the documents say, held against the action's files and the code. */

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const readme = read('README.md');
const documents = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].concat(
  readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => path.join('docs', name)),
);

interface Declared {
  readonly required: boolean;
  /** What the description says after `Default:`, without the full stop. */
  readonly fallback: string | undefined;
}

/** One section of an action's file, by name. */
function declared(file: string, section: 'inputs' | 'outputs'): Map<string, Declared> {
  const body = new RegExp(`^${section}:\\n((?: .*\\n|\\n)*)`, 'm').exec(read(file))?.[1] ?? '';
  const entries = [...body.matchAll(/^ {2}(\S+):\n((?: {4}.*\n)*)/gm)];
  return new Map(
    entries.map(([, name, text = '']) => [
      name!,
      {
        required: /^ {4}required: true$/m.test(text),
        fallback: /Default: (.*?)\.?"$/m.exec(text)?.[1],
      },
    ]),
  );
}

/** The rows of the table under a heading: the cells, without backticks around a whole cell. */
function table(heading: string): string[][] {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter(line => line.startsWith('| `'));
  return rows.map(row =>
    row
      .slice(1, -1)
      .split('|')
      .map(cell => cell.trim().replace(/^`(.*)`$/, '$1')),
  );
}

const inputs = table('Inputs');
const main = declared('action.yml', 'inputs');

describe('the table of inputs', () => {
  test('has every input of action.yml but the internal one', () => {
    expect(inputs.map(([name]) => name)).toEqual([...main.keys()].filter(name => name !== 'job-status'));
  });

  test.each(['restore', 'save'])('says which of them %s/ has', part => {
    const listed = inputs.filter(([, also]) => also?.split(', ').includes(part)).map(([name]) => name);
    expect(listed).toEqual([...declared(`${part}/action.yml`, 'inputs').keys()]);
  });

  test.each(inputs)('%s: default', (name, _also, fallback) => {
    const input = main.get(name!)!;
    if (input.required) expect(fallback).toBe('required');
    else if (input.fallback === undefined) expect(fallback).toBe('–');
    else expect(input.fallback).toMatch(new RegExp(`^${fallback}(?:,|$| \\()`));
  });

  test.each(inputs)('%s: the example is accepted', (name, _also, _fallback, example) => {
    const given = inputEnv({ path: 'x', key: 'k', [name!]: example! });
    expect(parseEndpoint(parseInputs(inputEnv({ path: 'x', key: 'k', endpoint: 'host' })))).toBeDefined();
    expect(() => parseInputs(given)).not.toThrow();
    if (name === 'endpoint') expect(parseEndpoint(parseInputs(given))).toMatchObject({ kind: 'server' });
  });
});

test.each(['action.yml', 'restore/action.yml'])('the table of outputs is that of %s', file => {
  expect(table('Outputs').map(([name]) => name)).toEqual([...declared(file, 'outputs').keys()]);
});

/** Of the wall time of the reference, as the bench has it last: save, then restore. */
function measured(name: string): string[] {
  const ratios = read(`bench/results/${name}.md`).matchAll(/^cache-s3 takes \*\*([\d.]+) .* of reference/gm);
  return Array.from(ratios, ([, ratio]) => ratio!);
}

test.each([
  ['a', '111,060 small files'],
  ['b', '2,092 programs and libraries'],
  ['c', 'one file of 2 GB'],
])('the speeds of case %s are those of bench/results', (bench, tree) => {
  const row = readme.split('\n').find(line => line.startsWith(`| ${tree}`));
  const cells = row?.split('|').slice(2, -1) ?? [];
  expect(cells).toHaveLength(4);
  expect(cells.map(cell => cell.trim())).toEqual([
    ...measured(`${bench}-tmpfs-shaped`),
    ...measured(`${bench}-tmpfs-loopback`),
  ]);
});

test('every CACHE_S3_ variable in the documents is one of an input', () => {
  const known = new Set([...main.keys()].filter(name => name !== 'job-status').flatMap(fleetVariables));
  const named = documents.flatMap(file => read(file).match(/\bCACHE_S3_[A-Z][A-Z_]*[A-Z]\b/g) ?? []);
  expect(named.length).toBeGreaterThan(5);
  for (const name of named) expect(known).toContain(name);
});

/** Blocks of steps, from all documents. */
const steps = documents.flatMap(file =>
  [...read(file).matchAll(/```yaml\n(- (?:.|\n)*?)```/g)].map(match => [file, match[1]!] as const),
);

test.each(steps)('%s: a step to copy is a valid one', async (_file, text) => {
  const job = `on: push\njobs:\n  job:\n    runs-on: x\n    steps:\n${text.replace(/^/gm, '      ')}`;
  const { jobs } = await readWorkflow({ text: job });
  for (const { uses = '', inputs: given } of jobs[0]!.steps) {
    const part = /^your-org\/cache-s3(\/\w+)?@v\d+$/.exec(uses);
    if (!part) continue;
    const known = declared(path.join(part[1] ?? '', 'action.yml').replace(/^[\\/]/, ''), 'inputs');
    const names = [...(asMapping(given) ?? [])].map(({ key }) => key.toString());
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect([...known.keys()]).toContain(name);
  }
});

test('the JSON blocks are JSON', () => {
  const blocks = documents.flatMap(file => [...read(file).matchAll(/```json\n((?:.|\n)*?)```/g)]);
  expect(blocks.length).toBeGreaterThan(2);
  for (const [, text] of blocks) expect(() => JSON.parse(text!)).not.toThrow();
});

/** GitHub's anchor of a heading. */
function anchor(heading: string): string {
  const kept = heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '');
  return kept.replaceAll(' ', '-');
}

/** Links to files and headings of this repository, with the document they stand in. */
const links = documents.flatMap(file =>
  [...read(file).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(
    ([, target, fragment]) => [file, target || path.basename(file), fragment] as const,
  ),
);

test.each(links)('%s links to %s, heading %s', (file, target, fragment) => {
  const absolute = path.join(root, path.dirname(file), target);
  expect(existsSync(absolute)).toBe(true);
  if (fragment === undefined) return;
  const headings = [...readFileSync(absolute, 'utf8').matchAll(/^#+ (.*)$/gm)];
  expect(headings.map(match => anchor(match[1]!))).toContain(fragment);
});

describe('troubleshooting', () => {
  /** The sources as one text, with strings that are broken over lines joined. */
  const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => read(path.join('src', name)))
    .join('\n')
    .replace(/['`] \+\n\s*['`]/g, '')
    .replaceAll('\\`', '`')
    // storage/fallback.ts: the bucket, or the cache directory
    .replaceAll(`\${place}`, 'bucket');
  const messages = [...read('docs/troubleshooting.md').matchAll(/^\| (`.*?) \| /gm)]
    .flatMap(match => [...match[1]!.matchAll(/`([^`]+)`/g)])
    .map(match => match[1]!);

  test.each(messages)('quotes the code: %s', message => {
    for (const piece of message.split('…').filter(text => text.trim().length > 3)) {
      for (const clause of piece.split(/(?<=\.) /))
        expect(sources.includes(clause.trim()), clause).toBe(true);
    }
  });

  test('quotes many', () => {
    expect(messages.length).toBeGreaterThan(30);
  });
});
