#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { CommanderError } from 'commander';
import { endWhenWritten } from '../action/runner/end-process.ts';
import { listenForInterrupt } from '../action/runner/interrupt.ts';
import { CommandError } from './command-error.ts';
import { sentenceOf } from './failure.ts';
import { writeJsonError } from './output/json.ts';
import { createOutput, OutputError } from './output/output.ts';
import { createProgram, usageSentence } from './program.ts';

// A page of a listing is garbage as soon as it is read. If V8 may enlarge the space for new objects, the process takes 250 MB in
// place of 130 MB for 100,000 caches, and as much time (Node 24.21, measured)
setFlagsFromString('--semi-space-growth-factor=1');

await runCommand(process.argv.slice(2));

/** Runs the command and ends the process. Its exit status is 0, 1 after an error, or an interrupt's. */
async function runCommand(args: readonly string[]): Promise<void> {
  const { stdout, stderr, env } = process;
  const output = createOutput({ json: args.includes('--json'), stdout, stderr });
  // Without a listener, the error of a closed pipe would be uncaught. That of `stdout` has the listener of `createOutput`
  stderr.on('error', () => {});
  const { signal } = listenForInterrupt('command');
  try {
    await createProgram(env, signal).parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      // Commander has written the message to standard error
      if (error.exitCode > 0 && output.json) {
        await writeJsonError(output, new CommandError(usageSentence(error.message)));
      }
    } else if (!signal.aborted && !(error instanceof OutputError && error.wasPipeClosed)) {
      output.note(`cache-s3: ${sentenceOf(error)}`);
      process.exitCode = 1;
    }
  }
  await endWhenWritten();
}
