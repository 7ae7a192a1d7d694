// build.mjs [DIRECTORY] - makes dist/ (or DIRECTORY) from src/. The same sources give the same bytes, wherever the
// checkout lies and however often it is built.
//
//   index.js        what every run needs; exports run(step)
//   s3-store.js     the bucket, with what is used of the AWS SDK; and further files named like modules of src/, each
//                   loaded where src/ says import(), and common.js for what several of them need
//   worker/         the worker threads' program
//   github/         @actions/cache, loaded only when the fallback is used
//   main.js, ...    two lines each: what the action.yml files name
//
// ncc follows `new URL('./worker.js', import.meta.url)` and would copy the worker unbundled: so the worker is bundled
// by itself, and src/ hands its URL on without such a literal.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { alone } from './alone.mjs';
import { fail, nodeMajor, root } from './project.mjs';
import { shake } from './shake.mjs';

/** What the action.yml files name; each calls index.js, and so is copied as it is. */
const entries = ['main', 'post', 'restore-only', 'save-only'];

/** Bundles, each by itself: `entry` below build/, `to` below the target. `whole`: as ncc makes it, of CommonJS. */
const bundles = [
  { entry: 'index.js', to: '.' },
  { entry: 'archive/worker/worker.js', to: 'worker' },
  { entry: 'github.js', to: 'github', whole: true },
];

/** What shaken files import as it is: the bundle beside them, and packages that few runs need, left to ncc. */
const outside = /^\.\/github\/index\.js$|credential-provider-(?:ini|web-identity|imds)$/;

const buildDirectory = path.join(root, 'build');

/** Builds into `target`, whose former content is gone afterwards. Throws with the compiler's words. */
export async function build(target) {
  await alone(path.join(root, '.cache-s3-build'), () => buildAlone(path.resolve(target)));
}

async function buildAlone(target) {
  // bundlers name modules by their paths from here: the same from every directory
  process.chdir(root);
  await emit();
  const files = new Map();
  for (const one of bundles) await addBundle(files, one);
  for (const name of entries) {
    files.set(`${name}.js`, await fs.readFile(path.join(buildDirectory, `${name}.js`)));
  }
  // Node must read the files as modules wherever the action is checked out
  files.set('package.json', `${JSON.stringify({ type: 'module' })}\n`);
  await write(target, files);
}

/** Adds to `files`, by their names below the target, those of one bundle. */
async function addBundle(files, { entry, to, whole }) {
  const { parts, licences } = whole ? { parts: [entry], licences: [] } : await shakeInto(to, entry);
  const beside = Object.fromEntries(parts.map(part => `./${path.basename(part)}`).map(name => [name, name]));
  for (const part of parts) {
    const { code, assets } = await bundle(part, { externals: beside, license: 'licenses.txt' });
    files.set(path.join(to, part === parts[0] ? 'index.js' : path.basename(part)), code);
    for (const [name, { source }] of Object.entries(assets)) {
      if (name === 'licenses.txt') licences.push(source);
      else if (name.endsWith('.js')) files.set(path.join(to, name), await minifyChunk(name, source));
    }
  }
  const told = licences.filter(text => text !== '');
  if (told.length > 0) files.set(path.join(to, 'licenses.txt'), told.join('\n'));
}

async function bundle(file, options) {
  const { default: ncc } = await import('@vercel/ncc');
  return ncc(path.join(buildDirectory, file), {
    esm: true,
    minify: true,
    cache: false,
    quiet: true,
    ...options,
  });
}

/** Shakes an entry; returns the names of its files below build/, the entry's first, and their licences. */
async function shakeInto(to, entry) {
  const { files, licences } = await shake(path.join(buildDirectory, entry), outside);
  const directory = path.join('shaken', to);
  await fs.mkdir(path.join(buildDirectory, directory), { recursive: true });
  for (const { name, code } of files) {
    // Without this ncc's `externals` would make static imports of them too, and load all at once
    const kept = code.replace(/\bimport\(\s*(?=["']\.\/)/g, 'import(/* webpackIgnore: true */ ');
    await fs.writeFile(path.join(buildDirectory, directory, name), kept);
  }
  return { parts: files.map(({ name }) => path.join(directory, name)), licences: [licences] };
}

/**
 * ncc minifies what is loaded at once, not what `import()` loads later, whose comments also name paths of this machine.
 * Bundling such a chunk once more does: it imports nothing but Node's own modules.
 */
async function minifyChunk(name, source) {
  const file = `chunk-${name}`;
  await fs.writeFile(path.join(buildDirectory, file), source);
  return (await bundle(file, {})).code;
}

/** TypeScript to JavaScript, below build/. */
async function emit() {
  await fs.rm(buildDirectory, { recursive: true, force: true });
  const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
  const result = spawnSync(process.execPath, [compiler, '-p', path.join(root, 'tsconfig.build.json')], {
    encoding: 'utf8',
  });
  if (result.status !== 0)
    throw new Error(`TypeScript did not accept src/:\n${result.stdout}${result.stderr}`);
  await splitOff('@actions/cache', 'github');
}

/**
 * Makes a bundle of its own of a package that src/ loads with `import()`: a chunk of the same bundle would share its
 * modules, and so could not have the HTTP client that the rest goes without.
 */
async function splitOff(name, to) {
  await fs.writeFile(path.join(buildDirectory, `${to}.js`), `export * from '${name}';\n`);
  let found = 0;
  for (const file of await fs.readdir(buildDirectory, { recursive: true })) {
    if (!file.endsWith('.js') || file === `${to}.js`) continue;
    const code = await fs.readFile(path.join(buildDirectory, file), 'utf8');
    const [before, ...after] = code.split(`import('${name}')`);
    if (after.length === 0) continue;
    found += after.length;
    const lazy = `import('./${to}/index.js')`;
    await fs.writeFile(path.join(buildDirectory, file), [before, ...after].join(lazy));
  }
  if (found === 0)
    throw new Error(`src/ nowhere says import('${name}'), which scripts/build.mjs makes a bundle of.`);
}

async function write(target, files) {
  await fs.rm(target, { recursive: true, force: true });
  for (const [name, content] of files) {
    const file = path.join(target, name);
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, content);
  }
}

async function printSizes(target) {
  const names = await fs.readdir(target, { recursive: true, withFileTypes: true });
  let [total, zipped] = [0, 0];
  for (const name of names
    .filter(entry => entry.isFile())
    .map(entry => path.join(entry.parentPath, entry.name))) {
    const content = await fs.readFile(name);
    const zip = gzipSync(content).length;
    total += content.length;
    zipped += zip;
    if (content.length > 1024) console.log(row(path.relative(target, name), content.length, zip));
  }
  console.log(row('all', total, zipped));
}

const kilobytes = count => `${Math.round(count / 1024)} KiB`.padStart(10);
const row = (name, bytes, zipped) => `${name.padEnd(24)}${kilobytes(bytes)}${kilobytes(zipped)} gzipped`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (Number.parseInt(process.versions.node, 10) !== nodeMajor)
    fail('build.mjs runs on Node 24: npm run build');
  const target = path.resolve(process.argv[2] ?? path.join(root, 'dist'));
  await build(target).catch(error => fail(error.message));
  await printSizes(target);
}
