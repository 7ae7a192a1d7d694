import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { threadProgram } from '../../../src/archive/pool/thread-program.ts';
import { builtFile } from './built-file.ts';

test.each(['worker', 'sender'] as const)('the program %s of threads is the built one in tests', name => {
  expect(fileURLToPath(threadProgram(name))).toBe(builtFile(`${name}.js`));
});
