import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** A file of an installed npm package. */
interface SourceFile {
  /** Relative to its package. */
  readonly name: string;
  readonly kind: string;
  readonly size: number;
}

export interface SourcePackage {
  /** `left-pad`, `@actions/core`. */
  readonly name: string;
  readonly files: readonly SourceFile[];
}

/** Real text for generated trees: the packages' files, and all text of each kind. */
export interface Corpus {
  readonly packages: readonly SourcePackage[];
  /** By kind: `js`, `ts`, `json`, `map`, `md`. */
  readonly text: ReadonlyMap<string, Buffer>;
}

/** File extension to kind of text. */
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

/** A larger file, such as a compiler, would dominate the tree. */
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
