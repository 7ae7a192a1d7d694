import { describe, expect, test } from 'vitest';
import { posix, requires } from '../../support/platform-needs.ts';
import { describeTree, type TreeDescription, type TreeSpec } from '../../support/tree.ts';
import { prepareRestore, runRestoreProcess } from '../support/restore-process.ts';

/** The archived and the present tree: files with new and old content, new directories, and entries of another type. */
const files = Array.from({ length: 12 }, (_, index) => `tree/d${index % 4}/file-${index}`);
const tree = (state: string): TreeSpec => ({
  ...Object.fromEntries(files.map(name => [name, { content: `${name} ${state}`.repeat(200), mode: 0o444 }])),
  'tree/d0': { directory: true, mode: 0o555 },
  tree: { directory: true, mode: 0o755 },
});
const archived: TreeSpec = {
  ...tree('new'),
  'tree/fresh/a': 'a',
  'tree/changes/b': 'b',
  'tree/link': { symlink: 'd0' },
};
const present: TreeSpec = {
  ...tree('old'),
  'tree/changes': 'a file',
  'tree/link/c': 'a directory',
  'tree/extra': 'kept',
};

const staged = (name: string) => name.split('/').some(part => part.startsWith('.cache-s3-'));
const content = ({ sha256, target }: { sha256?: string; target?: string }) => sha256 ?? target;

/** Expects every file to have its complete old or its complete new content. */
function expectWhole(found: TreeDescription, before: TreeDescription, after: TreeDescription): void {
  for (const [name, entry] of Object.entries(found)) {
    if (staged(name) || entry.type === 'directory') continue;
    expect(
      [before[name], after[name]].flatMap(state => (state ? [content(state)] : [])),
      name,
    ).toContain(content(entry));
  }
  // A file of both trees is never missing
  for (const name of files) expect(found[name]?.type, name).toBe('file');
  expect(found['tree/extra']?.sha256).toBe(before['tree/extra']?.sha256);
}

// Windows has no SIGKILL and does not keep modes
describe('a restore that is killed in its commit', requires(posix), () => {
  // 12 files, 2 new directories, 1 link and 2 entries moved away: 17 renames in all
  test.each([1, 2, 3, 4, 5, 9, 16, 17])(
    'before rename %i leaves whole files, and the next restore completes the tree',
    async killAtRename => {
      const { workspace, source, job } = await prepareRestore(archived, present);
      const before = await describeTree(workspace);
      const after = await describeTree(source);

      expect(await runRestoreProcess({ ...job, killAtRename })).toMatchObject({ signal: 'SIGKILL' });
      const between = await describeTree(workspace);
      expectWhole(between, before, after);
      expect(Object.keys(between).some(staged)).toBe(true);

      expect(await runRestoreProcess(job)).toMatchObject({ exitCode: 0, stderr: '' });
      const { 'tree/extra': extra, ...completed } = await describeTree(workspace);
      expect(completed).toEqual(after);
      expect(extra).toBeDefined();
    },
  );
});
