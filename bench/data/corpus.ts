import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** One file of a package that npm has installed. */
export interface SourceFile {
  /** Below its package. */
  readonly name: string;
  readonly kind: string;
  readonly size: number;
}

export interface SourcePackage {
  /** `left-pad`, `@actions/core`. */
  readonly name: string;
  readonly files: readonly SourceFile[];
}

/** Real text to build trees of: the packages' shapes, and all text of one kind in one piece. */
export interface Corpus {
  readonly packages: readonly SourcePackage[];
  /** By kind: `js`, `ts`, `json`, `map`, `md`. */
  readonly text: ReadonlyMap<string, Buffer>;
}

/** Extension to the kind of text in it. */
const kinds = new Map(
  Object.entries({
    '.js': 'js',
    '.cjs': 'js',
    '.mjs': 'js',
    '.ts': 'ts',
    '.mts': 'ts',
    '.cts': 'ts',
    '.json': 'json',
    '.map': 'map',
    '.md': 'md',
  }),
);

/** A single file of several MB (a compiler) would decide over the whole tree. */
const maxFileBytes = 2 << 20;

/** Reads the text files of a node_modules directory, in the order of their names. */
export function readCorpus(nodeModules: string): Corpus {
  const chunks = new Map<string, Buffer[]>();
  const packages = packageNames(nodeModules).map(name => {
    const root = path.join(nodeModules, name);
    const files = filesBelow(root, '').flatMap(file => {
      const kind = kinds.get(path.extname(file));
      const { size } = lstatSync(path.join(root, file));
      if (kind === undefined || size === 0 || size > maxFileBytes) return [];
      const list = chunks.get(kind) ?? [];
      chunks.set(kind, list);
      list.push(readFileSync(path.join(root, file)));
      return [{ name: file, kind, size }];
    });
    return { name, files };
  });
  return {
    packages: packages.filter(({ files }) => files.length > 0),
    text: new Map([...chunks].map(([kind, list]) => [kind, Buffer.concat(list)])),
  };
}

function packageNames(nodeModules: string): string[] {
  const visible = directoriesIn(nodeModules).filter(name => !name.startsWith('.'));
  return visible.flatMap(name =>
    name.startsWith('@')
      ? directoriesIn(path.join(nodeModules, name)).map(inner => `${name}/${inner}`)
      : name,
  );
}

function directoriesIn(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true }).filter(entry => entry.isDirectory());
  return entries.map(entry => entry.name).sort();
}

function filesBelow(root: string, below: string): string[] {
  const entries = readdirSync(path.join(root, below), { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap(entry => {
    const name = path.join(below, entry.name);
    if (entry.isDirectory()) return filesBelow(root, name);
    return entry.isFile() ? [name] : [];
  });
}
