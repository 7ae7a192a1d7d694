import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from './documents.ts';

const EXPORT = /^export (?:(?:async|abstract) )*(?:function\*?|const|let|class|interface|type) (\w+)/gm;
/** Vitest calls it in each module of a global setup. */
const FIXED = new Set(['setup']);

test.each(['src', 'test'])('a name is exported by one module of %s/ alone', folder => {
  // A module may export a type and a constant of one name, and overloads
  const names = globSync(`${folder}/**/*.ts`, { cwd: projectRoot }).flatMap(file => {
    const text = readFileSync(path.join(projectRoot, file), 'utf8');
    return [...new Set(Array.from(text.matchAll(EXPORT), ([, name]) => name!))];
  });
  expect(names.length).toBeGreaterThan(400);
  expect(names.filter((name, at) => names.indexOf(name) !== at && !FIXED.has(name))).toEqual([]);
});
