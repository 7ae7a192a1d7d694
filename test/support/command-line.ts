import { parseArgs } from 'node:util';

/** The options of a program, by name. The type of a default is that of the option. */
type Defaults = Readonly<Record<string, boolean | number | string | RegExp>>;

/**
 * Reads the command line of a program of package.json. `--help` prints the usage and ends the process with exit code 0. A wrong
 * argument ends it with exit code 1, after a message and the usage.
 */
export function readCommandLine<T extends Defaults>(usage: string, defaults: T): T {
  try {
    const types = Object.entries(defaults).map(
      ([name, value]) => [name, { type: typeof value === 'boolean' ? 'boolean' : 'string' }] as const,
    );
    const { values } = parseArgs({ options: { ...Object.fromEntries(types), help: { type: 'boolean' } } });
    if (values.help === true) {
      console.log(usage);
      process.exit(0);
    }
    const given = Object.entries(values).map(([name, value]) => [name, parse(name, value, defaults[name])]);
    return { ...defaults, ...Object.fromEntries(given) };
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exit(1);
  }
}

function parse(name: string, value: unknown, fallback: Defaults[string] | undefined): unknown {
  if (fallback instanceof RegExp) return new RegExp(String(value));
  if (typeof fallback !== 'number') return value;
  if (/^\d{1,15}$/.test(String(value))) return Number(value);
  throw new Error(`--${name} is '${value}', but it must be a whole number.`);
}
