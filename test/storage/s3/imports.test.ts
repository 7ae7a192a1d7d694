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

/** The modules and packages that the modules of a folder import. */
function importsOf(folder: string): string[] {
  return readdirSync(path.join(s3, folder)).flatMap(name => {
    const text = readFileSync(path.join(s3, folder, name), 'utf8');
    return [...text.matchAll(/(?:\bfrom|\bimport\()\s*'([^']+)'/g)].map(([, module]) => module!);
  });
}

test.each(Object.entries(ALLOWED))('s3/%s imports only folders below it', (folder, allowed) => {
  const folders = importsOf(folder).flatMap(module => /^\.\.\/([a-z]+)\//.exec(module)?.[1] ?? []);
  expect(folders.filter(one => !allowed.includes(one))).toEqual([]);
});

test('s3/transport imports no package, so that any thread can use it', () => {
  const packages = importsOf('transport').filter(module => !/^(?:\.|node:)/.test(module));
  expect(packages).toEqual([]);
});
