// check-dist.mjs - whether the committed dist/ is what src/ makes, byte for byte, and free of what must not be in it.

import * as fs from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { build } from './build.mjs';
import { fail, root } from './project.mjs';

const dist = path.join(root, 'dist');
const fresh = await fs.mkdtemp(path.join(tmpdir(), 'cache-s3-dist-'));
let complaint;
try {
  await build(fresh);
  const [committed, built] = [await contents(dist), await contents(fresh)];
  const names = [...new Set([...committed.keys(), ...built.keys()])].sort();
  const stale = names.filter(name => !same(committed.get(name), built.get(name)));
  const telling = [...built].flatMap(([name, content]) =>
    whatItTells(content).map(what => `${name} holds ${what}`),
  );
  for (const name of stale)
    console.error(`  dist/${name}: ${difference(committed.get(name), built.get(name))}`);
  for (const line of telling) console.error(`  dist/${line}`);
  if (telling.length > 0) {
    complaint = 'dist/ would carry names of the machine that built it: mend scripts/build.mjs.';
  } else if (stale.length > 0) {
    complaint = 'dist/ is not what src/ makes: run npm run build and commit dist/.';
  } else {
    console.log(`dist/ is what src/ makes (${built.size} files).`);
  }
} catch (error) {
  complaint = error.message;
} finally {
  await fs.rm(fresh, { recursive: true, force: true });
}
if (complaint) fail(complaint);

/** File names below `directory`, with `/`, to their bytes. */
async function contents(directory) {
  const files = new Map();
  const entries = await fs.readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries.filter(found => found.isFile())) {
    const file = path.join(entry.parentPath, entry.name);
    files.set(path.relative(directory, file).split(path.sep).join('/'), await fs.readFile(file));
  }
  return files;
}

function same(a, b) {
  return a !== undefined && b !== undefined && a.equals(b);
}

function difference(committed, built) {
  if (!committed) return 'missing';
  if (!built) return 'no longer made';
  return `differs (${committed.length} bytes committed, ${built.length} built)`;
}

/**
 * What must not be in a file: places of this machine, and the host that its packages came from. Short places (a home
 * directory of `/`, a checkout in `/src`) would match by chance.
 */
function whatItTells(content) {
  const places = [root, homedir(), tmpdir() === '/tmp' ? '/tmp/cache-s3-' : tmpdir()].filter(
    place => place.length > 5,
  );
  const registry = process.env.npm_config_registry && new URL(process.env.npm_config_registry).host;
  return [...new Set([...places, ...(registry ? [registry] : [])])].filter(text => content.includes(text));
}
