#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { CommanderError } from 'commander';
import { endWhenWritten } from '../action/runner/end-process.ts';
import { CommandError } from './command-error.ts';
import { sentenceOf } from './failure.ts';
import { abortOnInterrupt } from './interrupt.ts';
import { writeJsonError } from './output/json.ts';
import { createOutput, OutputError } from './output/output.ts';
import { createProgram, usageSentence } from './program.ts';

// The pages of a listing are garbage at once. V8 would let the space for new objects grow, to 250 MB in place of 130 MB for
// 100,000 caches (24.21, measured), and save no time
setFlagsFromString('--semi-space-growth-factor=1');

await runCommand(process.argv.slice(2));

/** Runs the command and ends the process, whose exit status is 0, 1 after an error, or that of an interrupt. */
async function runCommand(args: readonly string[]): Promise<void> {
  const { stdout, stderr, env } = process;
  // Without a listener a closed pipe would be an uncaught error. Subcommands learn of it by their output
  for (const stream of [stdout, stderr]) stream.on('error', () => {});
  const signal = abortOnInterrupt();
  try {
    await createProgram(env, signal).parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      // Commander has written it for people, and the options are not known
      if (error.exitCode > 0 && args.includes('--json')) {
        const output = createOutput({ json: true, stdout, stderr });
        await writeJsonError(output, new CommandError(usageSentence(error.message)));
      }
    } else if (signal.aborted) process.exitCode ||= 1;
    else if (!(error instanceof OutputError && error.pipeClosed)) {
      createOutput({ json: false, stdout, stderr }).note(`cache-s3: ${sentenceOf(error)}`);
      process.exitCode = 1;
    }
  }
  await endWhenWritten();
}
