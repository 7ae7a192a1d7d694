import * as fs from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { giveAway, runUnprivileged, unprivilegedDirectory } from './drop-privileges.ts';
import { posix, requires } from './platform-needs.ts';
import { buildTree, deleteTree } from './tree.ts';

test('file permissions apply to a child of runUnprivileged', requires(posix), async () => {
  const root = await unprivilegedDirectory();
  try {
    await buildTree(root, { 'sealed/x': 'y', sealed: { directory: true, mode: 0o555 } });
    await giveAway(root);
    const code = `
      import { unlinkSync } from 'node:fs';
      try { unlinkSync(process.env.VICTIM); console.log('gone'); } catch (error) { console.log(error.code); }
      process.exitCode = process.getuid() === 0 ? 1 : 7;`;
    const result = await runUnprivileged(['--input-type=module', '-e', code], {
      env: { VICTIM: path.join(root, 'sealed/x') },
    });
    expect(result).toEqual({ exitCode: 7, signal: null, stdout: 'EACCES\n', stderr: '' });
    expect(await fs.readdir(path.join(root, 'sealed'))).toEqual(['x']);
  } finally {
    await deleteTree(root);
  }
});
