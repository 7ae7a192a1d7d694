import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { BenchError } from '../bench-error.ts';

const root = path.resolve(import.meta.dirname, '../..');
const sources = path.join(root, 'bench/reference');

type Ncc = (entry: string, options: object) => Promise<{ readonly code: string }>;

/**
 * Bundles the reference program as actions are bundled, so that its start costs what theirs does. Kept in the cache
 * directory until its sources or its dependencies change. Resolves to the file to run.
 */
export async function buildReference(cacheDirectory: string): Promise<string> {
  const directory = path.join(cacheDirectory, `reference-${digestOfSources()}`);
  const bundle = path.join(directory, 'index.js');
  if (existsSync(bundle)) return bundle;
  // below the checkout, because the bundler looks for the packages from there upwards
  const build = path.join(root, `.cache-s3-bench-${process.pid}`);
  try {
    return await bundleFrom(build, directory);
  } finally {
    await fs.rm(build, { recursive: true, force: true });
  }
}

async function bundleFrom(build: string, directory: string): Promise<string> {
  const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
  const result = spawnSync(process.execPath, [compiler, '-p', sources, '--outDir', build], {
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new BenchError(`The reference does not compile:\n${result.stdout}`);
  const ncc = createRequire(import.meta.url)('@vercel/ncc') as Ncc;
  const { code } = await ncc(path.join(build, 'main.js'), {
    esm: true,
    minify: true,
    cache: false,
    quiet: true,
  });
  const unfinished = `${directory}.${process.pid}`;
  await fs.mkdir(unfinished, { recursive: true });
  await fs.writeFile(path.join(unfinished, 'package.json'), '{"type":"module"}\n');
  await fs.writeFile(path.join(unfinished, 'index.js'), code);
  await fs.rename(unfinished, directory);
  return path.join(directory, 'index.js');
}

function digestOfSources(): string {
  const hash = createHash('sha256').update(readFileSync(path.join(root, 'package-lock.json')));
  for (const name of readdirSync(sources).sort()) hash.update(readFileSync(path.join(sources, name)));
  return hash.digest('hex').slice(0, 12);
}
