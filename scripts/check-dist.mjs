// check-dist.mjs - fails unless the committed dist/ is byte for byte what src/ builds to, and names no place of this
// machine.

import * as fs from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { buildFiles } from './build.mjs';
import { fail, root } from './project.mjs';

const committed = await readFiles(path.join(root, 'dist'));
const built = await buildFiles().catch(error => fail(`dist/ cannot be built: ${error.message}`));

const names = [...new Set([...committed.keys(), ...built.keys()])].sort();
const stale = names.flatMap(name => differenceOf(name, committed.get(name), built.get(name)));
const leaks = [...built].flatMap(([name, content]) =>
  leaksOf(content).map(text => `${name} contains ${text}`),
);
for (const line of [...stale, ...leaks]) console.error(`  dist/${line}`);
if (leaks.length > 0) fail('dist/ would contain names of this machine: change scripts/build.mjs.');
if (stale.length > 0) fail('dist/ is not what src/ builds to: run npm run build and commit dist/.');
console.log(`dist/ is what src/ builds to (${built.size} files).`);

/** Returns the contents of the files below `directory` by name, with `/`. Empty when there is no such directory. */
async function readFiles(directory) {
  const entries = await fs.readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries
    .filter(entry => entry.isFile())
    .map(entry => path.relative(directory, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
  const contents = files.map(async name => [name, await fs.readFile(path.join(directory, name))]);
  return new Map(await Promise.all(contents));
}

function differenceOf(name, committedContent, builtContent) {
  if (committedContent === undefined) return [`${name}: missing`];
  if (builtContent === undefined) return [`${name}: no longer built`];
  const bytes = Buffer.from(builtContent);
  if (bytes.equals(committedContent)) return [];
  return [`${name}: differs (${committedContent.length} bytes committed, ${bytes.length} built)`];
}

/**
 * Returns the places of this machine that a file contains, and the host of its package registry. Short places (a home
 * directory of `/`, a checkout in `/src`) are left out: they would match by chance.
 */
function leaksOf(content) {
  const places = [root, homedir(), tmpdir() === '/tmp' ? '/tmp/cache-s3-' : tmpdir()].filter(
    place => place.length > 5,
  );
  const registry = process.env.npm_config_registry && new URL(process.env.npm_config_registry).host;
  return [...new Set([...places, ...(registry ? [registry] : [])])].filter(text => content.includes(text));
}
