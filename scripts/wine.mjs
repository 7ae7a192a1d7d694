// wine.mjs [vitest's arguments...] - runs the unit and local tests with Node for Windows, in Wine on Linux, and ends with
// the line `N passed, N failed` (and `, N skipped`). Lists each skipped test with the reason. Needs root and Debian.

import { startMachine, WineUnavailableError } from '../test/support/wine/machine.ts';
import { fail } from './project.mjs';

const machine = await startMachine().catch(error =>
  error instanceof WineUnavailableError ? fail(`Nothing was run: ${error.message}.`) : Promise.reject(error),
);
try {
  process.exitCode = await machine.runNode(
    ['scripts/test.mjs', '--local', ...process.argv.slice(2)],
    {},
    text => process.stdout.write(text),
  );
} finally {
  await machine.close();
}
