// Joins modules into few files, with only what is used of each.

import * as fs from 'node:fs/promises';
import path from 'node:path';

/** A module of fewer characters takes longer to open than to read. */
const SMALL = 2000;

/**
 * Makes one file of a module and of all that it imports, and further ones of what is loaded later. ncc by itself would
 * make a function of each module, which V8 reads twice, once to skip it and once to run it, and would take packages
 * whole: of the S3 client its hundred other commands, of @actions/core an HTTP client (ADR 0008 and 0010).
 *
 * `outside` matches the ids of what stays an import. Returns the files, and the licences of what went in, which ncc no
 * longer sees.
 */
export async function shake(file, outside) {
  const { rolldown } = await import('rolldown');
  const common = new Set();
  const bundle = await rolldown({
    input: file,
    platform: 'node',
    resolve: { conditionNames: ['module', 'import'], mainFields: ['module', 'main'] },
    // no package is here for what loading it does: one of which nothing is used is left out
    treeshake: { moduleSideEffects: (id, external) => !external && !isPackage(id) },
    plugins: [leave(outside), without('@aws-sdk/credential-provider-node'), collect(common)],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    // what several files share, where it is loaded first anyway or small: one file, as each takes time to open
    codeSplitting: {
      groups: [{ name: 'common', test: id => common.has(id), minShareCount: 2 }],
    },
  });
  await bundle.close();
  return {
    files: output.map(({ fileName, code }) => ({ name: fileName, code })),
    licences: await licencesOf(output.flatMap(({ moduleIds }) => moduleIds)),
  };
}

const isPackage = id => id.includes('node_modules');

/** Leaves imports as they are written. */
function leave(outside) {
  return { name: 'leave', resolveId: id => (outside.test(id) ? { id, external: true } : undefined) };
}

/** The S3 client names this package for the case that it is given no credentials; ours is always given some. */
function without(name) {
  return {
    name: 'without',
    resolveId: id => (id === name ? id : undefined),
    load: id => (id === name ? 'export const defaultProvider = undefined;' : undefined),
  };
}

/** Notes the modules that are loaded at once (the entry, and what it and they import), and small ones of ours. */
function collect(found) {
  return {
    name: 'collect',
    buildEnd() {
      const modules = [...this.getModuleIds()].map(id => this.getModuleInfo(id));
      const visit = id => {
        if (found.has(id)) return;
        found.add(id);
        this.getModuleInfo(id)?.importedIds.forEach(visit);
      };
      for (const { id, isEntry, code, importedIds } of modules) {
        if (isEntry) visit(id);
        const small = code !== null && code.length < SMALL && importedIds.length === 0;
        if (small && !isPackage(id)) found.add(id);
      }
    },
  };
}

/** The licences of the packages that these files are of, in the form of ncc's licenses.txt. */
async function licencesOf(files) {
  const packages = new Set(
    files.flatMap(
      file => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file.replaceAll('\\', '/'))?.[0] ?? [],
    ),
  );
  const packagesOf = new Map();
  for (const directory of [...packages].sort()) {
    const { name, license } = JSON.parse(await fs.readFile(path.join(directory, 'package.json'), 'utf8'));
    const text = await fs.readFile(path.join(directory, 'LICENSE'), 'utf8').catch(() => '');
    const licence = `${license}\n${text}`;
    packagesOf.set(licence, [...(packagesOf.get(licence) ?? []), name]);
  }
  return [...packagesOf].map(([licence, names]) => `${names.join(', ')}\n${licence}`).join('\n');
}
