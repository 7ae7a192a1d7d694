/**
 * The functions of @actions/core that a step needs, without its index: that one also evaluates the OpenID client and
 * with it undici, 45 ms of every start (bundled, Node 24.21). The package exports only its index, so its files are named
 * by path; the bundler resolves them like any other module.
 */
import { issueCommand } from '../../node_modules/@actions/core/lib/command.js';
import {
  issueFileCommand,
  prepareKeyValueMessage,
} from '../../node_modules/@actions/core/lib/file-command.js';

/** A workflow command with a message: `::warning::...`. */
export function command(name: 'debug' | 'notice' | 'warning' | 'error', message: string): void {
  issueCommand(name, {}, message);
}

/** An output of the step. Outputs set by a post step are dropped by the runner. */
export function setOutput(name: string, value: string): void {
  if (process.env.GITHUB_OUTPUT) issueFileCommand('OUTPUT', prepareKeyValueMessage(name, value));
  else issueCommand('set-output', { name }, value);
}

/** What this step's post phase finds in STATE_<name>. */
export function saveState(name: string, value: string): void {
  if (process.env.GITHUB_STATE) issueFileCommand('STATE', prepareKeyValueMessage(name, value));
  else issueCommand('save-state', { name }, value);
}

/** Appends a table to the job summary, where the runner has one. Cells are HTML. */
export async function appendSummary(title: string, rows: readonly (readonly string[])[]): Promise<void> {
  if (!process.env.GITHUB_STEP_SUMMARY) return;
  const { summary } = await import('../../node_modules/@actions/core/lib/summary.js');
  await summary
    .addHeading(title, 3)
    .addTable(rows.map(row => [...row]))
    .write();
}
