import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeEach, expect, it } from 'vitest';
import { repositoryFile } from '../support/checkout.ts';
import { scratch } from '../support/scratch.ts';
import { buildTree } from '../support/tree.ts';
import { describeWithGateway } from './support/lab.ts';

const run = promisify(execFile);

let root: string;
beforeEach(() => {
  root = scratch();
});

describeWithGateway('npm run demo', () => {
  it('npm run demo saves, restores and compares a tree with a gateway of its own, and prints sizes and speeds', async () => {
    await buildTree(root, {
      'package/index.js': { content: 'x'.repeat(1_500_000), mode: 0o444, mtime: 1_600_000_000_123_456 },
      'package/bin': { content: '', mode: 0o755 },
      'package/link': { symlink: 'index.js' },
      package: { directory: true, mode: 0o555 },
    });
    const { stdout } = await run(process.execPath, [repositoryFile('scripts/demo.mjs'), root]);
    expect(stdout).toContain('A RADOS Gateway on this machine stores the cache.');
    expect(stdout).toMatch(/^ {2}restore \| cache-s3: op=restore source=none result=miss /m);
    expect(stdout).toMatch(/^ {2}save {4}\| cache-s3: op=save source=s3 result=saved /m);
    expect(stdout).toMatch(/^ {2}restore \| cache-s3: op=restore source=s3 result=hit /m);
    expect(stdout).toMatch(
      /^All 4 entries below the directory have the type, mode, modification time .*, content and links of the original\.$/m,
    );
    expect(stdout).toMatch(/^1\.5 MB of files, \d+\.\d MB stored \(\d+ %\)$/m);
    expect(stdout).toMatch(/^phase +seconds +MB\/s of files$/m);
    for (const phase of ['save', 'restore'])
      expect(stdout).toMatch(new RegExp(`^${phase} +\\d+\\.\\d\\d +\\d+$`, 'm'));
  });
});
