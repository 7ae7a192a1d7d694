import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseInputs } from '../../src/action/inputs/inputs.ts';
import type { Environment } from '../../src/action/inputs/read-input.ts';
import { VERSION } from '../../src/version.ts';
import { inputVariables } from '../support/runner/process/step-variables.ts';

const text = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

/** Returns the names in one section of an action's file. */
function names(file: string, section: 'inputs' | 'outputs'): string[] {
  const body = new RegExp(`^${section}:\\n((?: .*\\n|\\n)*)`, 'm').exec(text(file))?.[1] ?? '';
  return [...body.matchAll(/^ {2}(\S+):$/gm)].map(match => match[1]!);
}

/** Returns the variables of inputs that `parseInputs` reads. */
function readVariables(): Set<string> {
  const seen = new Set<string>();
  const env: Environment = new Proxy(inputVariables({ path: 'x', key: 'k' }), {
    get(target, name: string) {
      if (name.startsWith('INPUT_')) seen.add(name);
      return target[name];
    },
  });
  parseInputs(env);
  return seen;
}

/** Inputs in the peers' own files: actions/cache 5, and tespkg/actions-cache 1. */
const actionsCache = {
  'action.yml': ['upload-chunk-size', 'save-always', 'restore-keys', 'fail-on-cache-miss', 'lookup-only'],
  'restore/action.yml': ['restore-keys', 'fail-on-cache-miss', 'lookup-only'],
  'save/action.yml': ['upload-chunk-size'],
};
const tespkg = {
  'action.yml': ['restore-keys', 'lookup-only'],
  'restore/action.yml': ['restore-keys', 'lookup-only'],
  'save/action.yml': [],
};
const everywhere = {
  actionsCache: ['path', 'key', 'enableCrossOsArchive'],
  tespkg: [
    'endpoint',
    'port',
    'insecure',
    'accessKey',
    'secretKey',
    'sessionToken',
    'region',
    'bucket',
  ].concat(['path', 'key', 'use-fallback', 'retry', 'retry-count']),
};
const files = ['action.yml', 'restore/action.yml', 'save/action.yml'] as const;

describe('the action files', () => {
  test('action.yml declares exactly the inputs that the code reads', () => {
    const declared = names('action.yml', 'inputs').map(name => `INPUT_${name.toUpperCase()}`);
    expect(new Set(declared)).toEqual(readVariables());
  });

  test.each(files)('%s declares every input of its peers, in their spelling', file => {
    const expected = [
      ...everywhere.actionsCache,
      ...everywhere.tespkg,
      ...actionsCache[file],
      ...tespkg[file],
    ];
    expect(names(file, 'inputs')).toEqual(expect.arrayContaining(expected));
  });

  test.each(files)('%s declares no input that action.yml lacks', file => {
    expect(names('action.yml', 'inputs')).toEqual(expect.arrayContaining(names(file, 'inputs')));
  });

  test.each([
    [
      'action.yml',
      ['using: "node24"', 'main: "dist/main.js"', 'post: "dist/post.js"', 'post-if: "always()"'],
    ],
    ['restore/action.yml', ['using: "node24"', 'main: "../dist/restore-only.js"']],
    ['save/action.yml', ['using: "node24"', 'main: "../dist/save-only.js"']],
  ])('%s runs these phases on Node 24: %j', (file, lines) => {
    const body = /^runs:\n((?: .*\n)*)/m.exec(text(file))?.[1] ?? '';
    expect(
      body
        .trimEnd()
        .split('\n')
        .map(line => line.trim()),
    ).toEqual(lines);
  });

  test('only the job status has a default, since a default would hide CACHE_S3_* variables', () => {
    for (const file of files) {
      const defaults = [...text(file).matchAll(/^ +default: (.*)$/gm)].map(match => match[1]);
      expect(defaults).toEqual(file === 'action.yml' ? [`\${{ job.status }}`] : []);
    }
  });

  test.each(['action.yml', 'restore/action.yml'])('%s declares the outputs that the code sets', file => {
    expect(names(file, 'outputs')).toEqual([
      'cache-hit',
      'cache-primary-key',
      'cache-matched-key',
      'cache-size',
      'cache-source',
    ]);
  });

  test('save/action.yml declares no outputs', () => {
    expect(names('save/action.yml', 'outputs')).toEqual([]);
  });

  test('the version in the sources is that of package.json', () => {
    expect(JSON.parse(text('package.json'))).toMatchObject({ version: VERSION });
  });
});
