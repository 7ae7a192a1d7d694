import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { archiveName, createArguments, extractArguments, manifestName } from '../../bench/reference/tar.ts';
import { linux, program, requires } from '../support/platform-needs.ts';
import { scratch } from '../support/scratch.ts';

const tools = ['tar', 'zstd', 'zstdmt', 'unzstd'];

let workspace: string;
let archives: string;

beforeEach(async () => {
  const directory = scratch();
  workspace = path.join(directory, 'workspace');
  archives = path.join(directory, 'archives');
  await fs.mkdir(workspace);
  await fs.mkdir(archives);
  await fs.writeFile(path.join(workspace, 'file'), 'content');
});

/** Runs the module of @actions/cache, which package.json does not export. Returns the commands that it started. */
function commandsOf(code: string): string[] {
  const internal = path.resolve(import.meta.dirname, '../../node_modules/@actions/cache/lib/internal');
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import * as tar from '${pathToFileURL(path.join(internal, 'tar.js'))}';
       import * as utils from '${pathToFileURL(path.join(internal, 'cacheUtils.js'))}';
       const method = await utils.getCompressionMethod();
       ${code}`,
    ],
    { env: { ...process.env, GITHUB_WORKSPACE: workspace }, encoding: 'utf8' },
  );
  expect(status, stderr).toBe(0);
  return [...stdout.matchAll(/^\[command\]\S*\/tar (.*)$/gm)].map(match => match[1]!);
}

describe("@actions/cache's commands", requires(linux, ...tools.map(tool => program(tool))), () => {
  test('the reference program runs the tar commands of @actions/cache', async () => {
    const archive = path.join(archives, archiveName);
    const commands = commandsOf(`
      await tar.createTar(${JSON.stringify(archives)}, ['file'], method);
      await tar.extractTar(${JSON.stringify(archive)}, method);`);
    expect(commands).toEqual([
      createArguments(workspace).join(' '),
      extractArguments(archive, workspace).join(' '),
    ]);
    expect(await fs.readFile(path.join(archives, manifestName), 'utf8')).toBe('file');
  });
});
