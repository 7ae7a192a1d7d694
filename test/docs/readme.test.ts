import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseEndpoint } from '../../src/action/inputs/endpoint.ts';
import { parseInputs } from '../../src/action/inputs/inputs.ts';
import { inputVariables } from '../support/runner/process/step-variables.ts';
import { declared, read } from './documents.ts';

const readme = read('README.md');

/** The text under a heading of the second level, with its subsections. */
const section = (heading: string) => readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';

/** Returns the cells of the table rows under a heading, without backticks around a whole cell. */
function rows(heading: string): string[][] {
  const lines = section(heading)
    .split('\n')
    .filter(line => /^\| [`[]/.test(line));
  return lines.map(line =>
    line
      .slice(1, -1)
      .split('|')
      .map(cell => cell.trim().replace(/^`(.*)`$/, '$1')),
  );
}

const inputs = rows('Inputs');
const main = declared('action.yml', 'inputs');

describe("README's tables of inputs", () => {
  test('list every input of action.yml but the internal one, in the same order', () => {
    expect(inputs.map(([name]) => name)).toEqual([...main.keys()].filter(name => name !== 'job-status'));
  });

  test('have the groups of action.yml', () => {
    const groups = [...section('Inputs').matchAll(/^### (.*)$/gm)].map(([, name]) => name);
    expect(groups).toEqual([...read('action.yml').matchAll(/^ {2}# (.*)$/gm)].map(([, name]) => name));
    expect(groups.length).toBeGreaterThan(3);
  });

  test.each(['restore', 'save'])('list which inputs %s/ has', part => {
    const listed = inputs.filter(([, also]) => also?.split(', ').includes(part)).map(([name]) => name);
    expect(listed).toEqual([...declared(`${part}/action.yml`, 'inputs').keys()]);
  });

  test.each(inputs)('give the default of %s that action.yml gives', (name, _also, fallback) => {
    const input = main.get(name!)!;
    if (input.required) expect(fallback).toBe('required');
    else if (input.fallback === undefined) expect(fallback).toBe('–');
    else expect(input.fallback).toMatch(new RegExp(`^${fallback}(?:,|$| \\()`));
  });

  test.each(inputs)('give an example of %s that the action accepts', (name, _also, _fallback, example) => {
    const given = inputVariables({ path: 'x', key: 'k', [name!]: example! });
    expect(
      parseEndpoint(parseInputs(inputVariables({ path: 'x', key: 'k', endpoint: 'host' }))),
    ).toBeDefined();
    expect(() => parseInputs(given)).not.toThrow();
    if (name === 'endpoint') expect(parseEndpoint(parseInputs(given))).toMatchObject({ kind: 'server' });
  });
});

test.each(['action.yml', 'restore/action.yml'])("README's table of outputs lists those of %s", file => {
  expect(rows('Outputs').map(([name]) => name)).toEqual([...declared(file, 'outputs').keys()]);
});

test.each(rows('Other servers'))(
  "README's row for %s gives an endpoint that the action accepts",
  (server, endpoint) => {
    if (endpoint === 'leave it out') return expect(server).toContain('AWS');
    const kind = endpoint!.startsWith('file:') ? 'directory' : 'server';
    // A directory needs its drive on Windows
    const local = endpoint!.replace(/^file:\/\//, pathToFileURL(path.resolve('/')).href.replace(/\/$/, ''));
    const given = inputVariables({ path: 'x', key: 'k', endpoint: local });
    expect(parseEndpoint(parseInputs(given))).toMatchObject({ kind });
  },
);

test("README's first example names a bucket, so that it does not use GitHub's cache, and needs no key", () => {
  const first = readme.split('```yaml\n')[1]!.split('```')[0]!;
  for (const name of ['path', 'key', 'endpoint', 'bucket', 'role-to-assume', 'role-to-assume-for-save'])
    expect(first).toMatch(new RegExp(`^    ${name}: \\S`, 'm'));
});

test('README names the systems that CI runs on, and the runner that has Node.js 24', () => {
  const systems = [...read('.github/workflows/ci.yml').matchAll(/os: ([a-z]+)-([\d.]+),/g)];
  const names = { ubuntu: 'Ubuntu', macos: 'macOS', windows: 'Windows Server' } as Record<string, string>;
  const requirements = section('Requirements').replace(/\s+/g, ' ');
  expect(systems).toHaveLength(3);
  for (const [, system, release] of systems) expect(requirements).toContain(`${names[system!]} ${release}`);
  expect(requirements).toContain('2.327.1 or later');
});

/** Returns the wall times of the last bench as a share of the reference's: save, then restore. */
function measured(name: string): string[] {
  const ratios = read(`bench/results/${name}.md`).matchAll(/^cache-s3 takes \*\*([\d.]+) .* of reference/gm);
  return Array.from(ratios, ([, ratio]) => ratio!);
}

test.each([
  ['a', '111,060 small files'],
  ['b', '2,092 programs and libraries'],
  ['c', 'one file of 2 GB'],
])("README's speeds of case %s are those of bench/results", (bench, tree) => {
  const row = readme.split('\n').find(line => line.startsWith(`| ${tree}`));
  const cells = row?.split('|').slice(2, -1) ?? [];
  expect(cells).toHaveLength(4);
  expect(cells.map(cell => cell.trim())).toEqual([
    ...measured(`${bench}-tmpfs-shaped`),
    ...measured(`${bench}-tmpfs-loopback`),
  ]);
});
