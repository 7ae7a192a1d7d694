import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { repositoryFile } from '../checkout.ts';

/** Holds the directory of the build, for tests and the processes that they start. */
export const buildVariable = 'CACHE_S3_TEST_BUILD';

/** Returns the path of a file of the build. */
export function builtFile(name: string): string {
  const directory = process.env[buildVariable];
  if (directory === undefined)
    throw new Error('the sources are not built: add test/support/built-sources/setup.ts to the globalSetup');
  return path.join(directory, name);
}

/**
 * Returns the program of a thread: of the build, or the source if there is none. Takes the place of
 * src/archive/pool/thread-program.ts in vitest.
 */
export function threadProgram(name: 'worker' | 'sender'): URL {
  const file = process.env[buildVariable] ? builtFile(`${name}.js`) : repositoryFile(`src/${name}.ts`);
  return pathToFileURL(file);
}
