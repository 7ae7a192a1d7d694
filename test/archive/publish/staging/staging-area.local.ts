import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { need, requires } from '../../../support/platform-needs.ts';
import { incompressible } from '../../../support/random.ts';
import { scratch } from '../../../support/scratch.ts';
import { buildTree, describeTree, type TreeSpec } from '../../../support/tree.ts';
import { layoutIn, packTree, restoreBytes } from '../../support/archives.ts';

/** user::rwx, group::r-x, other::--- in the layout of linux/posix_acl_xattr.h: version 2, then tag, permissions, id. */
const acl = '02000000' + '01000700ffffffff' + '04000500ffffffff' + '20000000ffffffff';

/** Gives a directory a default ACL: new files in it have no rights for other users, whatever mode the program requests. */
function hidesFromOthers(directory: string): boolean {
  const program =
    'import os, sys; os.setxattr(sys.argv[1], "system.posix_acl_default", bytes.fromhex(sys.argv[2]))';
  try {
    execFileSync('python3', ['-c', program, directory, acl], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Returns whether the test can run: it needs a file system with ACLs, and Python, because setfacl is seldom installed. */
function canHide(): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'cache-s3-test-'));
  try {
    return hidesFromOthers(directory);
  } finally {
    rmdirSync(directory);
  }
}

test(
  'restored files get their archived modes in a directory whose default ACL masks modes',
  requires(need(canHide(), 'no default ACL can be set')),
  async () => {
    const spec: TreeSpec = {
      'tree/a': { content: 'x', mode: 0o644 },
      'tree/empty': { content: '', mode: 0o666 },
      'tree/large': { content: incompressible(9 * 1024 * 1024), mode: 0o755 },
      'tree/new/b': { content: 'x', mode: 0o755 },
    };
    const from = await buildTree(scratch(), spec);
    const { object } = await packTree(layoutIn(from));
    for (const present of [{}, { 'tree/a': 'old', 'tree/sub': { directory: true } }] as TreeSpec[]) {
      const to = await buildTree(scratch(), present);
      hidesFromOthers(to);
      if ('tree/a' in present) hidesFromOthers(`${to}/tree`);
      await restoreBytes(object, layoutIn(to));
      expect(await describeTree(to)).toMatchObject(await describeTree(from));
    }
  },
);
