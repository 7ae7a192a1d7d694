import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { readEventPayload } from '../../../src/action/run/event-payload.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = scratch();
  file = path.join(directory, 'event.json');
});

const none = {
  repository: undefined,
  defaultBranch: undefined,
  pullRequestBase: undefined,
  pullRequestHead: undefined,
  mergeGroupBase: undefined,
};

function payloadOf(content: unknown) {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return readEventPayload(file);
}

test('the parts of a payload are read from their places', () => {
  const payload = {
    repository: { full_name: 'octo/app', default_branch: 'trunk' },
    pull_request: { base: { ref: 'dev' }, head: { repo: { full_name: 'fork/app' } } },
    merge_group: { base_ref: 'refs/heads/release' },
  };
  expect(payloadOf(payload)).toEqual({
    repository: 'octo/app',
    defaultBranch: 'trunk',
    pullRequestBase: 'dev',
    pullRequestHead: 'fork/app',
    mergeGroupBase: 'refs/heads/release',
  });
});

test.each([
  ['is empty', ''],
  ['is not JSON', '{'],
  ['is a string', '"x"'],
  ['is null', 'null'],
  ['is a list', '[{"repository":{}}]'],
  [
    'has parts of other types',
    { repository: { full_name: 1, default_branch: {} }, pull_request: [], merge_group: 'x' },
  ],
  ['has parts that are null', { repository: null, pull_request: { base: null, head: { repo: null } } }],
  ['has empty parts', { repository: { full_name: '', default_branch: '' } }],
  ['has parts of 100,000 characters', { repository: { default_branch: 'x'.repeat(100_000) } }],
  ['has its parts in a prototype', '{"__proto__":{"repository":{"full_name":"octo/app"}}}'],
  ['is nested 100,000 levels deep', `${'{"repository":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
])('a payload that %s is empty', (_, content) => {
  expect(payloadOf(content)).toEqual(none);
  expect(({} as { repository?: unknown }).repository).toBeUndefined();
});

test('a file that does not exist, or is a directory, is an empty payload', () => {
  mkdirSync(path.join(directory, 'd'));
  for (const name of ['missing', 'd']) expect(readEventPayload(path.join(directory, name))).toEqual(none);
  expect(readEventPayload('')).toEqual(none);
  expect(readEventPayload(undefined)).toEqual(none);
});

test('an endless device is an empty payload', requires(posix), () => {
  symlinkSync('/dev/zero', file);
  for (const endless of ['/dev/zero', file]) expect(readEventPayload(endless)).toEqual(none);
});
