/** Returns a workflow of one job `job` with these steps (YAML, indented in any way). */
export function workflowOf(steps: string): string {
  return `on: push\njobs:\n  job:\n    runs-on: self-hosted\n    steps:\n${indent(steps, 6)}`;
}

/** Removes the indentation that all lines share, and indents them by `spaces`. */
export function indent(text: string, spaces: number): string {
  const lines = text.replace(/^\n/, '').trimEnd().split('\n');
  const common = Math.min(...lines.filter(line => line.trim()).map(line => line.search(/\S/)));
  return lines.map(line => ' '.repeat(spaces) + line.slice(common)).join('\n');
}
