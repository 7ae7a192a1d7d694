import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

/** The promise of docs/how-it-works.md, "Reading the source": imports between the folders and files of src/ point one way. */

const root = path.resolve(import.meta.dirname, '../..');
/** Imports of values and of types, and those of `import()`. */
const IMPORT = /\b(?:from|import\()\s*'(\.[^']+)'/g;

/** An import, seen from the folder that holds both modules: the folder or file in it that each is, or is in. */
interface Step {
  readonly folder: string;
  readonly from: string;
  readonly to: string;
}

function stepOf(importer: string, imported: string): Step {
  const [from, to] = [importer.split('/'), imported.split('/')];
  const depth = from.findIndex((part, at) => part !== to[at]);
  return { folder: from.slice(0, depth).join('/'), from: from[depth]!, to: to[depth]! };
}

function importsIn(directory: string): Step[] {
  return globSync(`${directory}/**/*.ts`, { cwd: root }).flatMap(file => {
    const importer = file.replaceAll(path.sep, '/');
    const text = readFileSync(path.join(root, file), 'utf8');
    return Array.from(text.matchAll(IMPORT), ([, target]) =>
      stepOf(importer, path.posix.join(path.posix.dirname(importer), target!)),
    );
  });
}

/** Returns the cycles of imports through a folder, each as `src/archive: fs > format > fs`. */
function cyclesOf(steps: readonly Step[]): string[] {
  const targets = new Map<string, Set<string>>();
  for (const { folder, from, to } of steps) {
    const key = `${folder}:${from}`;
    targets.set(key, (targets.get(key) ?? new Set()).add(to));
  }
  const wayBack = (folder: string, from: string, to: string): string[] | undefined => {
    const seen = new Set([from]);
    const open = [[from]];
    for (let way = open.shift(); way; way = open.shift()) {
      const last = way.at(-1)!;
      if (last === to) return way;
      for (const next of targets.get(`${folder}:${last}`) ?? []) {
        if (!seen.has(next)) open.push([...way, next]);
        seen.add(next);
      }
    }
    return undefined;
  };
  const cycles = steps.flatMap(({ folder, from, to }) => {
    const way = wayBack(folder, to, from);
    return way ? [`${folder}: ${[from, ...way].join(' > ')}`] : [];
  });
  return [...new Set(cycles)];
}

test('imports between the folders and files of src/ point one way', () => {
  const steps = importsIn('src');
  expect(steps.length).toBeGreaterThan(1000);
  expect(cyclesOf(steps)).toEqual([]);
});

test('a cycle of imports is found between folders, between files of one folder, and through a file beside a folder', () => {
  const steps = [
    stepOf('src/a/x/1.ts', 'src/a/y/1.ts'),
    stepOf('src/a/y/2.ts', 'src/a/x/2.ts'),
    stepOf('src/b/x/1.ts', 'src/b/file.ts'),
    stepOf('src/b/file.ts', 'src/b/x/2.ts'),
    stepOf('src/c/1.ts', 'src/c/2.ts'),
    stepOf('src/c/2.ts', 'src/c/1.ts'),
  ];
  expect(cyclesOf(steps)).toEqual([
    'src/a: x > y > x',
    'src/a: y > x > y',
    'src/b: x > file.ts > x',
    'src/b: file.ts > x > file.ts',
    'src/c: 1.ts > 2.ts > 1.ts',
    'src/c: 2.ts > 1.ts > 2.ts',
  ]);
});
