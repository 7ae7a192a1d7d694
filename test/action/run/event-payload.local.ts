import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readRunContext } from '../../../src/action/run/run-context.ts';
import { fifos, requires } from '../../support/platform-needs.ts';

test('a FIFO as event payload does not block, and counts as empty', requires(fifos), () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'cache-s3-event-'));
  const fifo = path.join(directory, 'event.json');
  execFileSync('mkfifo', [fifo]);
  const env = { GITHUB_EVENT_PATH: fifo, GITHUB_EVENT_NAME: 'pull_request', GITHUB_REPOSITORY: 'octo/app' };
  expect(readRunContext(env)).toMatchObject({ defaultRef: undefined, fork: true });
  rmSync(directory, { recursive: true });
});
