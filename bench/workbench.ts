import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { copyCheckout, repositoryFile } from '../test/support/checkout.ts';
import { BenchError } from './bench-error.ts';
import { BenchGateway } from './gateway.ts';
import { type Link, openLink } from './link.ts';
import type { LinkName } from './options.ts';
import { buildReference } from './programs/build-reference.ts';
import type { Store } from './programs/environment.ts';

/** The parts that stay the same while one link is measured. */
export interface Workbench {
  readonly gateway: BenchGateway;
  readonly link: Link;
  /** The gateway's address over the link. */
  readonly store: Store;
  /** A copy of dist/ without a node_modules above it, as on a runner. */
  readonly dist: string;
  readonly referenceBundle: string;
  /** The directory of generated trees, which is kept for the next run. */
  readonly cacheDirectory: string;
  readonly stop: AbortSignal;
  close(): Promise<void>;
}

interface WorkbenchOptions {
  readonly link: LinkName;
  readonly stop: AbortSignal;
  readonly gatewayStore?: 'memstore' | 'bluestore';
  readonly gatewaySizeGib?: number;
}

export async function openWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  if (!existsSync(repositoryFile('dist/index.js'))) {
    throw new BenchError(
      'dist/ is missing, and the bench measures the built action: run npm run build first.',
    );
  }
  const cacheDirectory = process.env.CACHE_S3_BENCH_DATA ?? path.join(tmpdir(), 'cache-s3-bench-data');
  await fs.mkdir(cacheDirectory, { recursive: true });
  const referenceBundle = await buildReference(cacheDirectory);
  const checkout = await copyCheckout('cache-s3-bench-action-');
  let link: Link | undefined;
  try {
    link = openLink(options.link);
    const gateway = await BenchGateway.start({
      ...(options.gatewayStore && { store: options.gatewayStore }),
      ...(options.gatewaySizeGib && { sizeGib: options.gatewaySizeGib }),
      ...(link.frontend && { frontend: link.frontend }),
    });
    const opened = link;
    return {
      gateway,
      link,
      store: { ...gateway.store, ...(link.endpoint && { endpoint: link.endpoint }) },
      dist: path.join(checkout.directory, 'dist'),
      referenceBundle,
      cacheDirectory,
      stop: options.stop,
      async close() {
        await gateway.stop();
        opened.close();
        await checkout.remove();
      },
    };
  } catch (error) {
    link?.close();
    await checkout.remove();
    throw error;
  }
}

/** Copies a tree by `cp`: Node takes several times as long for 100,000 files. */
export function copyLargeTree(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to]);
}

/** Deletes a tree by `rm`, for the same reason. */
export function deleteLargeTree(directory: string): void {
  execFileSync('rm', ['-rf', directory]);
}

/** Compares contents, names and link targets. Throws an error with the first difference. */
export function compareTrees(original: string, restored: string): void {
  const { status, stdout, stderr } = spawnSync('diff', ['-r', '--no-dereference', original, restored], {
    encoding: 'utf8',
  });
  if (status === 0) return;
  const [difference = ''] = `${stdout}${stderr}`.split('\n');
  throw new BenchError(`The restored tree differs from the saved one: ${difference}`);
}
