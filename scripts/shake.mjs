// Takes of a package only what is used of it.

import * as fs from 'node:fs/promises';
import path from 'node:path';

/**
 * Replaces a JavaScript file that re-exports a part of a package by just that part. ncc takes packages as CommonJS,
 * which cannot be shaken: the S3 client alone then comes with its hundred other commands, 700 KB in place of 370, all of
 * it parsed at every start. Returns the licences of what went in, which ncc no longer sees.
 */
export async function shake(file) {
  const { rolldown } = await import('rolldown');
  const bundle = await rolldown({
    input: file,
    platform: 'node',
    resolve: { conditionNames: ['module', 'import'], mainFields: ['module', 'main'] },
    plugins: [without('@aws-sdk/credential-provider-node')],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false });
  await bundle.close();
  const [{ code, exports, moduleIds }] = output;
  return { code, exports, licences: await licencesOf(moduleIds) };
}

/** The S3 client names this package for the case that it is given no credentials; ours is always given some. */
function without(name) {
  return {
    name: 'without',
    resolveId: id => (id === name ? id : undefined),
    load: id => (id === name ? 'export const defaultProvider = undefined;' : undefined),
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
