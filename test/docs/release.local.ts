import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { posix, requires } from '../support/platform-needs.ts';
import { scratch } from '../support/scratch.ts';

/** Runs the last step of release.yml, which cannot run here as a workflow, in a clone of a repository with these tags. */

const workflow = readFileSync(
  path.resolve(import.meta.dirname, '../../.github/workflows/release.yml'),
  'utf8',
);

/** Returns the shell script of the step that has this name. */
function scriptOf(step: string): string {
  const text = workflow.split(`- name: ${step}\n        run: |\n`)[1] ?? '';
  return text.split(/^ {0,8}\w/m)[0]!.replace(/^ {10}/gm, '');
}

/**
 * Pushes `tags` one after the other, each with a commit of its own, and releases the last one.
 * Returns the tag whose commit the major tag v1 names in the end, and what the step prints.
 */
function release(tags: readonly string[]): { major: string; printed: string } {
  const directory = scratch();
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      cwd: directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  git('init', '--quiet', '--bare', 'origin.git');
  git('init', '--quiet', '.');
  git('remote', 'add', 'origin', path.join(directory, 'origin.git'));
  let printed = '';
  for (const tag of tags) {
    git('commit', '--quiet', '--allow-empty', '--message', tag);
    git('tag', tag);
    git('push', '--quiet', 'origin', tag);
    printed = execFileSync('bash', ['-e', '-c', scriptOf('Move the major tag')], {
      cwd: directory,
      env: { ...process.env, TAG: tag },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  }
  const [commit] = git('ls-remote', 'origin', 'refs/tags/v1').split('\t');
  return { major: tags.find(tag => git('rev-parse', tag) === commit) ?? '', printed };
}

test('a release that is the newest of its major version moves the major tag', requires(posix), () => {
  expect(release(['v1.9.0', 'v1.10.0']).major).toBe('v1.10.0');
  expect(release(['v1.10.0', 'v2.0.0', 'v1.10.1']).major).toBe('v1.10.1');
});

test('a later patch of an older minor version leaves the major tag at the newer one', requires(posix), () => {
  const { major, printed } = release(['v1.9.0', 'v1.10.0', 'v1.9.1']);
  expect(major).toBe('v1.10.0');
  expect(printed).toContain('::notice::v1 stays where it is, because v1.10.0 is newer than v1.9.1.');
});
