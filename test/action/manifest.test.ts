import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseInputs } from '../../src/action/inputs.ts';
import type { Environment } from '../../src/action/read-input.ts';
import { VERSION } from '../../src/version.ts';
import { inputEnv } from './support.ts';

const text = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

/** The names in one section of an action's file. */
function names(file: string, section: 'inputs' | 'outputs'): string[] {
  const body = new RegExp(`^${section}:\\n((?: .*\\n|\\n)*)`, 'm').exec(text(file))?.[1] ?? '';
  return [...body.matchAll(/^ {2}(\S+):$/gm)].map(match => match[1]!);
}

/** The variables of inputs that `parseInputs` looks at. */
function readVariables(): Set<string> {
  const seen = new Set<string>();
  const env: Environment = new Proxy(inputEnv({ path: 'x', key: 'k' }), {
    get(target, name: string) {
      if (name.startsWith('INPUT_')) seen.add(name);
      return target[name];
    },
  });
  parseInputs(env);
  return seen;
}

const actionsCache = ['path', 'key', 'restore-keys', 'upload-chunk-size', 'enableCrossOsArchive'].concat([
  'fail-on-cache-miss',
  'lookup-only',
  'save-always',
]);
const tespkg = ['endpoint', 'port', 'insecure', 'accessKey', 'secretKey', 'sessionToken', 'region'].concat([
  'bucket',
  'path',
  'key',
  'restore-keys',
  'use-fallback',
  'lookup-only',
  'retry',
  'retry-count',
]);

describe('the action files', () => {
  test('action.yml declares what the code reads, and nothing else', () => {
    const declared = names('action.yml', 'inputs').map(name => `INPUT_${name.toUpperCase()}`);
    expect(new Set(declared)).toEqual(readVariables());
  });

  test.each([
    ['action.yml', [...actionsCache, ...tespkg]],
    [
      'restore/action.yml',
      ['path', 'key', 'restore-keys', 'enableCrossOsArchive', 'fail-on-cache-miss', 'lookup-only', ...tespkg],
    ],
    ['save/action.yml', ['path', 'key', 'upload-chunk-size', 'enableCrossOsArchive', 'bucket', 'accessKey']],
  ])('%s takes every input of its peers, in their spelling', (file, expected) => {
    expect(names(file, 'inputs')).toEqual(expect.arrayContaining(expected));
  });

  test('only the job status has a default: any other would hide the fleet’s environment', () => {
    for (const file of ['action.yml', 'restore/action.yml', 'save/action.yml']) {
      const defaults = [...text(file).matchAll(/^ +default: (.*)$/gm)].map(match => match[1]);
      expect(defaults).toEqual(file === 'action.yml' ? [`\${{ job.status }}`] : []);
    }
  });

  test.each(['action.yml', 'restore/action.yml'])('%s declares the outputs', file => {
    expect(names(file, 'outputs')).toEqual([
      'cache-hit',
      'cache-primary-key',
      'cache-matched-key',
      'cache-size',
      'cache-source',
    ]);
  });

  test('the release is the one of package.json', () => {
    expect(JSON.parse(text('package.json'))).toMatchObject({ version: VERSION });
  });
});
