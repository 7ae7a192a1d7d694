import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readEventPayload } from '../../../src/action/run/event-payload.ts';
import { readRunContext } from '../../../src/action/run/run-context.ts';
import { fifos, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';

test('a FIFO as event payload does not block, and counts as empty', requires(fifos), () => {
  const directory = scratch();
  const fifo = path.join(directory, 'event.json');
  execFileSync('mkfifo', [fifo]);
  const env = { GITHUB_EVENT_PATH: fifo, GITHUB_EVENT_NAME: 'pull_request', GITHUB_REPOSITORY: 'octo/app' };
  expect(readRunContext(env)).toMatchObject({ defaultRef: undefined, isFromFork: true });
});

test('a payload over 8 MiB is empty, and one of 8 MiB is read', () => {
  const file = path.join(scratch(), 'event.json');
  const repositoryOf = (text: string) => {
    writeFileSync(file, text);
    return readEventPayload(file).repository;
  };
  const text = '{"repository":{"full_name":"octo/app"}}';
  const size = 8 * 1024 * 1024;
  expect(repositoryOf(text.padEnd(size))).toBe('octo/app');
  expect(repositoryOf(text.padEnd(size + 1))).toBeUndefined();
  truncateSync(file, 2 ** 41);
  expect(readEventPayload(file).repository).toBeUndefined();
});
