// build.mjs [DIRECTORY] - makes dist/ (or DIRECTORY) from src/. The same sources give the same bytes, wherever the
// checkout lies and however often it is built.
//
//   index.js        all of the action but what follows; exports run(step)
//   worker/         the worker threads' program
//   sdk/            what is used of the AWS SDK, loaded when the bucket is asked
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

// @actions/core imports an HTTP client (with undici in it) for its getIDToken, which the action never calls. Loading it
// takes a third of the time to start: measured, 55 of 140 ms.
const noHttpClient = 'data:text/javascript,export class HttpClient{}export class BearerCredentialHandler{}';

/**
 * Bundles, each by itself: `entry` below build/, `to` below the target, and modules that stay outside with the name
 * they are loaded by.
 */
const bundles = [
  {
    entry: 'index.js',
    to: '.',
    externals: {
      '@actions/http-client': noHttpClient,
      '@actions/http-client/lib/auth': noHttpClient,
    },
  },
  { entry: 'sdk.js', to: 'sdk', externals: {} },
  { entry: 'archive/worker.js', to: 'worker', externals: {} },
  { entry: 'github.js', to: 'github', externals: {} },
];

const buildDirectory = path.join(root, 'build');

/** Builds into `target`, whose former content is gone afterwards. Throws with the compiler's words. */
export async function build(target) {
  await alone(path.join(root, '.cache-s3-build'), () => buildAlone(path.resolve(target)));
}

async function buildAlone(target) {
  // bundlers name modules by their paths from here: the same from every directory
  process.chdir(root);
  const shakenLicences = await emit();
  const files = new Map();
  for (const { entry, to, externals } of bundles) {
    const { code, assets } = await bundle(entry, { externals, license: 'licenses.txt' });
    files.set(path.join(to, 'index.js'), code);
    for (const [name, { source }] of Object.entries(assets)) {
      if (name === 'package.json') continue;
      files.set(path.join(to, name), name.endsWith('.js') ? await minifyChunk(name, source) : source);
    }
  }
  files.set('licenses.txt', `${files.get('licenses.txt')}\n${shakenLicences}`);
  for (const name of entries) {
    files.set(`${name}.js`, await fs.readFile(path.join(buildDirectory, `${name}.js`)));
  }
  // Node must read the files as modules wherever the action is checked out
  files.set('package.json', `${JSON.stringify({ type: 'module' })}\n`);
  await write(target, files);
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

/**
 * ncc minifies what is loaded at once, not what `import()` loads later, whose comments also name paths of this machine.
 * Bundling such a chunk once more does: it imports nothing but Node's own modules.
 */
async function minifyChunk(name, source) {
  const file = `chunk-${name}`;
  await fs.writeFile(path.join(buildDirectory, file), source);
  return (await bundle(file, {})).code;
}

/** TypeScript to JavaScript, below build/. Returns the licences of what ncc will not see. */
async function emit() {
  await fs.rm(buildDirectory, { recursive: true, force: true });
  const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
  const result = spawnSync(process.execPath, [compiler, '-p', path.join(root, 'tsconfig.build.json')], {
    encoding: 'utf8',
  });
  if (result.status !== 0)
    throw new Error(`TypeScript did not accept src/:\n${result.stdout}${result.stderr}`);
  await splitOff('@actions/cache', 'github');
  const { code, exports, licences } = await shake(path.join(buildDirectory, 'storage/s3/sdk.js'));
  await splitOffSdk(code, exports);
  return licences;
}

/**
 * Makes a bundle of its own of the AWS SDK. In a chunk of ours it would be one function among others, which V8 reads
 * twice, once to skip it and once to run it (ADR 0010).
 */
async function splitOffSdk(code, exports) {
  await fs.writeFile(path.join(buildDirectory, 'sdk.js'), code);
  const lazy = `export const { ${exports.join(', ')} } = await import(/* webpackIgnore: true */ './sdk/index.js');\n`;
  await fs.writeFile(path.join(buildDirectory, 'storage/s3/sdk.js'), lazy);
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
    const lazy = `import(/* webpackIgnore: true */ './${to}/index.js')`;
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
