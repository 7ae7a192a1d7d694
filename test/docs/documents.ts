import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The project's documents, for the tests that compare them with the code. */

export const projectRoot = path.resolve(import.meta.dirname, '../..');

/** Reads a file of the project. */
export const read = (file: string) => readFileSync(path.join(projectRoot, file), 'utf8');

/** Returns the JSON blocks after a heading, up to the end of the file. */
export function jsonBlocks(file: string, heading: string): readonly string[] {
  const [, ...texts] = read(file).split(`# ${heading}\n`)[1]?.split('```json\n') ?? [];
  return texts.map(text => text.split('```')[0]!);
}

/** The documents for users and contributors, by path. Generated results are not among them. */
export const documents: readonly string[] = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'bench/README.md'],
  ...filesBelow('docs', '.md').filter(file => !file.startsWith(path.join('docs', 'results'))),
];

/** Returns the paths of all files below a directory whose names end in `ending`. */
export function filesBelow(directory: string, ending: string): string[] {
  return readdirSync(path.join(projectRoot, directory), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(ending))
    .map(name => path.join(directory, name));
}

interface Declared {
  readonly required: boolean;
  /** The text after `Default:` in the description, without the full stop. */
  readonly fallback: string | undefined;
}

/** Reads one section of an action's file: the inputs or outputs by name, in order. */
export function declared(file: string, section: 'inputs' | 'outputs'): Map<string, Declared> {
  const body = new RegExp(`^${section}:\\n((?: .*\\n|\\n)*)`, 'm').exec(read(file))?.[1] ?? '';
  const entries = [...body.matchAll(/^ {2}(\S+):\n((?: {4}.*\n)*)/gm)];
  return new Map(
    entries.map(([, name, text = '']) => [
      name!,
      {
        required: /^ {4}required: true$/m.test(text),
        fallback: /Default: (.*?)\.?"$/m.exec(text)?.[1],
      },
    ]),
  );
}
