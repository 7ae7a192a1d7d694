import { createInterface } from 'node:readline';
import type { RunWorkflowOptions } from '../../support/runner/model.ts';
import { runWorkflow } from '../../support/runner/run-workflow.ts';

/**
 * Runs a workflow. The first line of standard input has its options as JSON, and a second line cancels it. Writes the
 * result as JSON to standard output.
 */
const cancel = new AbortController();
const { promise: options, resolve } = Promise.withResolvers<RunWorkflowOptions>();
let lines = 0;
createInterface({ input: process.stdin }).on('line', line => {
  lines += 1;
  if (lines === 1) resolve(JSON.parse(line));
  else cancel.abort();
});
const result = await runWorkflow({ ...(await options), signal: cancel.signal });
process.stdout.write(JSON.stringify(result), () => process.exit());
