import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const s3 = path.resolve(import.meta.dirname, '../../../src/storage/s3');

/** The folders of the bucket, each with those that it may import. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  transport: [],
  errors: ['transport'],
  credentials: ['errors', 'transport'],
  calls: ['credentials', 'errors', 'transport'],
  read: ['calls', 'errors', 'transport'],
  write: ['read', 'calls', 'errors', 'transport'],
};

/** The packages that the modules of a folder import, and the paths of other modules from `s3`. */
function importsOf(folder: string): string[] {
  return readdirSync(path.join(s3, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .flatMap(name => {
      const file = path.join(s3, folder, name);
      const imports = readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport\()\s*'([^']+)'/g);
      return [...imports].map(([, module = '']) => {
        if (!module.startsWith('.')) return module;
        return path.relative(s3, path.resolve(path.dirname(file), module)).replaceAll(path.sep, '/');
      });
    });
}

test.each(Object.entries(ALLOWED))('s3/%s imports only folders below it', (folder, allowed) => {
  const folders = importsOf(folder).flatMap(module => /^([a-z0-9]+)\//.exec(module)?.[1] ?? []);
  const known = Object.keys(ALLOWED);
  expect(folders.filter(one => known.includes(one) && one !== folder && !allowed.includes(one))).toEqual([]);
});

test('s3/transport imports no package, so that any thread can use it', () => {
  const packages = importsOf('transport').filter(module => !/\.ts$|^node:/.test(module));
  expect(packages).toEqual([]);
});
