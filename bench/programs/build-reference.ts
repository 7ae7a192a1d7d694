import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { rolldown } from 'rolldown';

const root = path.resolve(import.meta.dirname, '../..');
const sources = path.join(root, 'bench/reference');

/**
 * Bundles the reference program, as actions are bundled: its start costs what theirs does. The bundle stays in the cache
 * directory until the program or its dependencies change. Returns the file to run.
 */
export async function buildReference(cacheDirectory: string): Promise<string> {
  const directory = path.join(cacheDirectory, `reference-${digestOfSources()}`);
  const bundle = path.join(directory, 'index.js');
  if (existsSync(bundle)) return bundle;
  const build = await rolldown({ input: path.join(sources, 'main.ts'), platform: 'node' });
  const { output } = await build.generate({ format: 'esm', minify: true, codeSplitting: false });
  await build.close();
  const unfinished = `${directory}.${process.pid}`;
  await fs.mkdir(unfinished, { recursive: true });
  await fs.writeFile(path.join(unfinished, 'package.json'), '{"type":"module"}\n');
  await fs.writeFile(path.join(unfinished, 'index.js'), output[0].code);
  await fs.rename(unfinished, directory);
  return bundle;
}

function digestOfSources(): string {
  const hash = createHash('sha256').update(readFileSync(path.join(root, 'package-lock.json')));
  for (const name of readdirSync(sources).sort()) hash.update(readFileSync(path.join(sources, name)));
  return hash.digest('hex').slice(0, 12);
}
