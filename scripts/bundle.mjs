// Bundles modules and the packages that they import, with rolldown: few minified files that hold only the code in use.

import { isBuiltin } from 'node:module';
import path from 'node:path';
import { root } from './project.mjs';

/** Length in characters below which a module takes longer to open than to read. */
const SMALL = 2_000;

/** Keeps the names of classes and functions: the SDKs compare them with strings, and stacks in debug logs show them. */
const minify = {
  mangle: { keepNames: true },
  compress: { keepNames: { function: true, class: true } },
  codegen: true,
};

/**
 * Bundles modules of src/ into a file for each entry, a file for each `import()`, and common.js with the modules that
 * several of these share, but for those of the command. `entries` maps file names to modules. `elsewhere` maps modules of
 * other bundles to their files: these stay imports. `shared`: modules that are in common.js all the same. Returns rolldown's
 * chunks.
 */
export async function bundleSources(entries, elsewhere, shared = []) {
  const common = new Set(shared);
  const own = Object.values(entries);
  return await bundle({
    input: entries,
    external: [...elsewhere.keys()].filter(id => !own.includes(id)),
    // src/ imports no package for its side effects, so an unused one is left out.
    treeshake: { moduleSideEffects: (id, external) => !external && !isPackage(id) },
    plugins: [withoutDefaultProvider, withoutEventStreams, collectCommon(common)],
    output: {
      paths: id => elsewhere.get(id) ?? id,
      codeSplitting: {
        groups: [{ name: 'common', test: id => common.has(id) && !isCommand(id), minShareCount: 2 }],
      },
    },
  });
}

/**
 * Bundles packages with all their exports into one file. `export *` leaves out the default export, so that of `defaultOf`,
 * one of them, is exported apart. Returns rolldown's chunks.
 */
export async function bundlePackages(name, packages, defaultOf) {
  const exported = packages.map(one => `export * from '${one}';`);
  if (defaultOf !== undefined) exported.push(`export { default } from '${defaultOf}';`);
  return await bundle({
    input: { [name]: 'entry' },
    plugins: [virtual('entry', exported.join('\n'))],
    // keepNames also covers classes that rolldown renames: @actions/cache compares `error.name` with `SomeError.name`.
    output: { codeSplitting: false, keepNames: true },
  });
}

async function bundle({ plugins, output, ...input }) {
  const { rolldown } = await import('rolldown');
  const build = await rolldown({
    ...input,
    cwd: root,
    platform: 'node',
    resolve: { conditionNames: ['module', 'import'], mainFields: ['module', 'main'] },
    plugins: [...plugins, readBuiltins],
    checks: { bundlerTimings: false },
    onLog(level, { message }) {
      if (level === 'warn') throw new Error(message);
    },
  });
  const { output: chunks } = await build.generate({
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    comments: false,
    minify,
    ...output,
  });
  await build.close();
  return chunks;
}

/** No run of the action may load these modules, nor the packages that only they import. */
const isCommand = id => id.includes(`${path.sep}src${path.sep}command${path.sep}`);

const isPackage = id => id.includes('node_modules');

/**
 * Replaces imports of Node's own modules by reads of the properties in use. An import reads all properties of a module,
 * and the property WebSocket of node:http loads undici: 14 ms in each run (ADR 0015).
 */
const readBuiltins = {
  name: 'read-builtins',
  renderChunk(code) {
    const imports = this.parse(code).body.filter(
      ({ type, source }) => type === 'ImportDeclaration' && isBuiltin(source.value),
    );
    // A module that imports `process` has a variable of that name, which has no value yet
    const owner = imports.some(({ source }) => /^(?:node:)?process$/.test(source.value)) ? 'globalThis.' : '';
    return imports.reduceRight(
      (text, { start, end, source, specifiers }) =>
        text.slice(0, start) + readsOf(source.value, specifiers, owner) + text.slice(end),
      code,
    );
  },
};

function readsOf(builtin, specifiers, owner) {
  const nameOf = ({ type, imported }) => (type === 'ImportSpecifier' ? imported.name : 'default');
  const patterns = specifiers.map(specifier => {
    const [name, local] = [nameOf(specifier), specifier.local.name];
    return name === 'default' ? local : `{ ${name}: ${local} }`;
  });
  return patterns
    .map(pattern => `const ${pattern} = ${owner}process.getBuiltinModule('${builtin}');`)
    .join('');
}

/** Defines the module `name` by its code. */
function virtual(name, code) {
  return {
    name: 'virtual',
    resolveId: id => (id === name ? id : undefined),
    load: id => (id === name ? code : undefined),
  };
}

/** The S3 client imports this package for a client that has no credentials; ours always has some. */
const withoutDefaultProvider = virtual(
  '@aws-sdk/credential-provider-node',
  'export const defaultProvider = undefined;',
);

/**
 * Removes the SDK's import of code for event streams. No call in use has one, and a second way into the modules of the S3
 * client would split its file in two.
 */
const withoutEventStreams = {
  name: 'without-event-streams',
  transform(code, id) {
    if (!id.endsWith('/protocols/HttpProtocol.js')) return;
    const replaced = code.replace(/await import\("@smithy\/core\/event-streams"\)/, '{}');
    if (replaced === code) throw new Error(`${id} no longer imports event streams: remove this plugin`);
    return replaced;
  },
};

/**
 * Adds to `found` the modules that an entry of the action imports statically, and the small ones of src/ that import nothing.
 * Not those of the command's entry: it would add the modules that the command shares with the step prune/ alone.
 */
function collectCommon(found) {
  return {
    name: 'collect-common',
    buildEnd() {
      const modules = [...this.getModuleIds()].map(id => this.getModuleInfo(id));
      const visit = id => {
        if (found.has(id)) return;
        found.add(id);
        this.getModuleInfo(id)?.importedIds.forEach(visit);
      };
      for (const { id, isEntry, code, importedIds } of modules) {
        if (isEntry && !isCommand(id)) visit(id);
        const small = code !== null && code.length < SMALL && importedIds.length === 0;
        if (small && !isPackage(id)) found.add(id);
      }
    },
  };
}
