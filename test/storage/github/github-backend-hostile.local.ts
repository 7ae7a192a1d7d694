import { rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLookupRequest, createRestoreRequest } from '../../support/requests.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { readInChild, saveTwoFiles, useGitHub } from './fixture.ts';

/** Texts that the service or an archive controls, and that the runner would obey if they reached it as they are. */

const github = useGitHub();

const injected = '\n::add-mask::injected-mask\n::set-env name=INJECTED::x\n##[add-path]/injected\n';

/** Lines that the runner takes for commands, without those that the action itself is to print. */
function foreignCommands(lines: readonly string[]): readonly string[] {
  return lines.filter(
    line =>
      (/^\s*::(?!debug::|notice::|warning::)/.test(line) && !/^::add-mask::[!-~]{20,}$/.test(line)) ||
      line.includes('##['),
  );
}

describe('a matched key that was not requested', () => {
  it.each([
    ['another key', 'other-1'],
    ['a key with commands behind a line break', `deps-1${injected}`],
    ['a key of a million characters', `deps-${'x'.repeat(900_000)}`],
  ])('is a miss, and its archive is not downloaded: %s', async (_, matchedKey) => {
    await saveTwoFiles(github, 'deps-1');
    await rm(github.tree, { recursive: true });
    github.service.behave({ matchedKey });
    const { backend, log, lookup, restore } = github.open();
    const request = { primaryKey: 'deps-1', restoreKeys: ['deps-'] };
    expect(await lookup(request)).toMatchObject({ kind: 'miss' });
    expect(await restore(request)).toMatchObject({ kind: 'miss' });
    expect(await describeTree(github.workspace)).toEqual({});
    const notice = `notice: GitHub's cache returned a key that was not requested, which counts as a miss: ${matchedKey.slice(0, 300)}`;
    expect(log.shown).toEqual([notice, notice]);
    expect(backend.counters.requests).toBe(2);
  });

  it('gives the runner no command', async () => {
    await saveTwoFiles(github, 'deps-1');
    github.service.behave({ matchedKey: `deps-1${injected}` });
    const request = createRestoreRequest({ primaryKey: 'deps-1', paths: [github.tree] });
    const { code, lines } = await readInChild(github, 'restore', request);
    expect(foreignCommands(lines)).toEqual([]);
    expect([code, lines.at(-1)]).toEqual([0, 'outcome: {"kind":"miss"}']);
  });

  it('hits if only the case of its letters differs, as in actions/cache', async () => {
    await saveTwoFiles(github, 'deps-1');
    github.service.behave({ matchedKey: 'Deps-1' });
    const found = await github.open().lookup({ primaryKey: 'deps-1' });
    expect(found).toMatchObject({ key: 'Deps-1', exact: false });
  });
});

it.each([401, 503])('a message of the service with status %d gives the runner no command', async status => {
  github.service.behave({ status, message: `refused${injected}` });
  const { code, lines } = await readInChild(github, 'lookup', createLookupRequest());
  expect(foreignCommands(lines)).toEqual([]);
  expect(lines.filter(line => line.includes('injected-mask')).length).toBeGreaterThan(0);
  expect(code).toBe(0);
});

it('names of files in an archive that tar cannot unpack give the runner no command', async () => {
  const name = '##[add-path]injected-mask';
  await buildTree(github.tree, { [name]: 'a' });
  const paths = [github.tree];
  await github.open().save({ key: 'k' });
  await rm(path.join(github.tree, name));
  await buildTree(github.tree, { [`${name}/in-the-way`]: 'b' });
  const { lines } = await readInChild(github, 'restore', createRestoreRequest({ primaryKey: 'k', paths }));
  expect(foreignCommands(lines)).toEqual([]);
  expect(lines.filter(line => /^\S*tar: .*injected-mask/.test(line)).length).toBeGreaterThan(0);
  expect(lines.at(-1)).toContain('could not be unpacked and some files may have been written');
  expect(lines.at(-1)).toContain('"treeChanged":true');
});
