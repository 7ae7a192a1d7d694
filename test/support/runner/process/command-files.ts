import { randomUUID } from 'node:crypto';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** The files in which a step writes outputs, state and variables for the runner; new for each step. */
interface CommandFiles {
  /** GITHUB_OUTPUT and so on, with their paths. */
  readonly env: Readonly<Record<string, string>>;
  /** Reads the files. Throws the runner's error for a malformed one. */
  read(): Promise<Commands>;
}

export interface Commands {
  readonly output: Record<string, string>;
  readonly state: Record<string, string>;
  readonly env: Record<string, string>;
  readonly path: readonly string[];
  readonly summary: string;
}

const KINDS = ['output', 'state', 'env', 'path', 'step_summary'] as const;

export async function createCommandFiles(
  temp: string,
  owner: { uid?: number | undefined; gid?: number | undefined },
): Promise<CommandFiles> {
  const directory = path.join(temp, '_runner_file_commands');
  await mkdir(directory, { recursive: true });
  const id = randomUUID();
  const fileOf = (kind: (typeof KINDS)[number]) => path.join(directory, `${kind}_${id}`);
  for (const kind of KINDS) {
    await writeFile(fileOf(kind), '');
    if (owner.uid !== undefined) await chown(fileOf(kind), owner.uid, owner.gid ?? owner.uid);
  }
  const text = (kind: (typeof KINDS)[number]) => readFile(fileOf(kind), 'utf8').catch(() => '');
  return {
    env: Object.fromEntries(KINDS.map(kind => [`GITHUB_${kind.toUpperCase()}`, fileOf(kind)])),
    async read() {
      return {
        output: parseValues('output', await text('output')),
        state: parseValues('state', await text('state')),
        env: parseValues('env', await text('env')),
        path: (await text('path')).split(/\r?\n/).filter(line => line !== ''),
        summary: await text('step_summary'),
      };
    },
  };
}

/** Parses `name=value`, or `name<<DELIMITER`, lines and `DELIMITER` (actions/runner, FileCommandManager.cs). */
export function parseValues(kind: string, text: string): Record<string, string> {
  const values: Record<string, string> = {};
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? '';
    if (line === '') continue;
    const equals = line.indexOf('=');
    const heredoc = line.indexOf('<<');
    if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
      values[nameOf(kind, line, equals)] = line.slice(equals + 1);
      continue;
    }
    if (heredoc < 0) throw invalid(kind, `Invalid format '${line}'`);
    const delimiter = line.slice(heredoc + 2);
    const end = lines.indexOf(delimiter, index + 1);
    if (end < 0) throw invalid(kind, `Invalid value. Matching delimiter not found '${delimiter}'`);
    values[nameOf(kind, line, heredoc)] = lines.slice(index + 1, end).join('\n');
    index = end;
  }
  return values;
}

function nameOf(kind: string, line: string, end: number): string {
  if (end === 0) throw invalid(kind, `Invalid format '${line}'. Name must not be empty`);
  return line.slice(0, end);
}

function invalid(kind: string, reason: string): Error {
  return new Error(`Unable to process file command '${kind}' successfully. ${reason}`);
}
