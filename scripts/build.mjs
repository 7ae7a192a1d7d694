// build.mjs [DIRECTORY] - makes dist/ (or DIRECTORY) from src/. The same sources give the same bytes, in every checkout
// and however often they are built.
//
//   main.js, ...    the programs that the action.yml files name; each calls index.js
//   index.js        the code that every run needs; exports run(step)
//   s3-store.js     the bucket, with the used parts of the AWS SDK. It and the further files named like modules of src/
//                   are loaded by import(); common.js holds what several of them share
//   cache-s3.js     the command (bin in package.json). Its subcommands are files of their own; no run of the action loads one
//   worker.js       the program of the worker threads; range-fetcher.js is loaded for the first range that one fetches
//   sender.js       the program of the threads that send parts
//   github.js       @actions/cache, loaded only when the fallback is used
//   credentials.js  the SDK's credential providers, loaded only when the inputs hold no keys
//   id-token-client.js
//                   the runner's client for OIDC tokens, loaded only when the run takes a role
//   xxhash.js       the hash of contents, in WebAssembly, loaded for a restore that a save may follow, and for touched files
//   terminal.js     the packages of the command alone
//   licenses.txt    the licences of all bundled packages

import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { bundlePackages, bundleSources } from './bundle.mjs';
import { licencesOf } from './licences.mjs';
import { withLock } from './lock.mjs';
import { fail, nodeMajor, root, scriptArguments } from './project.mjs';

const dist = path.join(root, 'dist');
const index = path.join(root, 'src/index.ts');
/** Needed by a store and by others, and too small for a file of its own, which each run with that store would load. */
const shared = [
  'src/storage/process-hooks.ts',
  'src/storage/observed-call.ts',
  'src/archive/pool/in-flight.ts',
  'src/archive/pool/threads.ts',
  'src/archive/fs/rename.ts',
  'src/archive/format/entry.ts',
  'src/storage/s3/s3-settings.ts',
  'src/storage/s3/errors/response-error.ts',
].map(file => path.join(root, file));
const idTokenClient = path.join(root, 'src/storage/s3/credentials/id-token-client.ts');
const xxhash = path.join(root, 'src/archive/format/xxhash.ts');

/** Bundles of src/: the names of their files to their entries. */
const sources = [
  Object.fromEntries(
    ['main', 'post', 'restore-only', 'save-only', 'prune-only'].map(name => [name, `src/${name}.ts`]),
  ),
  { index, 'cache-s3': 'src/command/main.ts' },
  { worker: 'src/worker.ts' },
  { sender: 'src/sender.ts' },
  // Apart, because the rest of @actions/core goes into index.js without its HTTP client (ADR 0008)
  { 'id-token-client': idTokenClient },
  // Apart, because the workers and the main thread load the same file
  { xxhash },
];

/**
 * Packages that few runs load, by the name of their file. They are bundled apart, so that the files that every run loads
 * hold nothing for them.
 */
const rarePackages = {
  github: ['@actions/cache'],
  credentials: [
    '@aws-sdk/credential-provider-ini',
    '@aws-sdk/credential-provider-web-identity',
    '@smithy/credential-provider-imds',
  ],
  terminal: ['commander', 'yocto-spinner'],
};

/** The package whose default export a file of `rarePackages` has. */
const defaultExports = { terminal: 'yocto-spinner' };

/** Builds into `target` and removes what it held before. Returns the files as `buildFiles` does. */
export async function build(target) {
  const files = await buildFiles();
  await withLock(path.join(root, '.cache-s3-build'), () => writeFiles(target, files));
  return files;
}

/** Builds dist/ if it is missing; a dist/ that is there stays as it is. Throws as `build` does. */
export async function ensureDist() {
  if (existsSync(path.join(dist, 'index.js'))) return;
  console.error('dist/ is missing: building it');
  await build(dist);
}

/** Returns the content of each file of dist/ by name. Throws what the bundler reports, warnings included. */
export async function buildFiles() {
  const rare = Object.entries(rarePackages);
  const elsewhere = new Map([
    [index, './index.js'],
    [idTokenClient, './id-token-client.js'],
    [xxhash, './xxhash.js'],
    ...rare.flatMap(([name, packages]) => packages.map(id => [id, `./${name}.js`])),
  ]);
  const chunks = await Promise.all([
    ...sources.map(entries => bundleSources(entries, elsewhere, shared)),
    ...rare.map(([name, packages]) => bundlePackages(name, packages, defaultExports[name])),
  ]).then(bundles => bundles.flat());
  const names = chunks.map(({ fileName }) => fileName);
  const double = names.find((name, index) => names.indexOf(name) < index);
  if (double) throw new Error(`two bundles have a file ${double}, and one would replace the other`);
  return new Map([
    ...chunks.map(({ fileName, code }) => [fileName, code]),
    ['licenses.txt', await licencesOf(chunks.flatMap(({ moduleIds }) => moduleIds))],
    // Node must read the files as modules wherever the action is checked out.
    ['package.json', `${JSON.stringify({ type: 'module' })}\n`],
  ]);
}

async function writeFiles(target, files) {
  await fs.rm(target, { recursive: true, force: true });
  await fs.mkdir(target, { recursive: true });
  for (const [name, content] of files) {
    await fs.writeFile(path.join(target, name), content, {
      mode: `${content}`.startsWith('#!') ? 0o755 : 0o644,
    });
  }
}

function printSizes(files) {
  const sizes = [...files].map(([name, content]) => [
    name,
    Buffer.byteLength(content),
    gzipSync(content).length,
  ]);
  const sum = column => sizes.reduce((total, row) => total + row[column], 0);
  for (const row of sizes.filter(([, bytes]) => bytes > 1024).sort()) console.log(formatSize(...row));
  console.log(formatSize('all', sum(1), sum(2)));
}

function formatSize(name, bytes, gzipped) {
  const kibibytes = count => `${Math.round(count / 1024)} KiB`.padStart(10);
  return `${name.padEnd(24)}${kibibytes(bytes)}${kibibytes(gzipped)} gzipped`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (Number.parseInt(process.versions.node, 10) !== nodeMajor)
    fail('build.mjs runs on Node 24: npm run build');
  const [directory = dist] = scriptArguments(
    'npm run build -- [DIRECTORY]   DIRECTORY gets the bundles (dist)',
  );
  printSizes(await build(path.resolve(directory)).catch(error => fail(error.message)));
}
