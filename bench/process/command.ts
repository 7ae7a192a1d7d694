/** A program to start, with its whole environment. */
export interface Command {
  readonly args: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Returns a command that another program starts: `['ip', 'netns', 'exec', name]`. */
export function startedBy(prefix: readonly string[], args: readonly string[]): [string, ...string[]] {
  const [first, ...rest] = [...prefix, ...args];
  if (first === undefined) throw new TypeError('a command needs at least one word');
  return [first, ...rest];
}
