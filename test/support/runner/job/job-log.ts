import type { Annotation, LogLine } from '../model.ts';

/** The log of a job. A mask applies to the rest of the job. */
export class JobLog {
  readonly #job: string;
  readonly #onLine: (line: LogLine) => void;
  readonly #masks = new Set<string>();
  readonly #lines: string[] = [];

  constructor(job: string, secrets: readonly string[], onLine: (line: LogLine) => void) {
    this.#job = job;
    this.#onLine = onLine;
    for (const secret of secrets) this.mask(secret);
  }

  get text(): string {
    return this.#lines.join('\n');
  }

  /** Masks a secret and each of its lines, as the runner does. */
  mask(secret: string): void {
    for (const line of [secret, ...secret.split(/\r?\n/)]) if (line.trim() !== '') this.#masks.add(line);
  }

  masked(text: string): string {
    // Longer ones first: a short secret may be part of a long one
    const masks = [...this.#masks].sort((a, b) => b.length - a.length);
    return masks.reduce((result, mask) => result.replaceAll(mask, '***'), text);
  }

  print(step: string, line: string): string {
    const text = this.masked(line);
    this.#lines.push(text);
    this.#onLine({ job: this.#job, step, text });
    return text;
  }
}

/** The log of a step: lines for people. Workflow commands are executed and removed. */
export class StepLog {
  readonly annotations: Annotation[] = [];
  readonly #job: JobLog;
  readonly #step: string;
  /** The log of the step around this one: the log of a composite action includes its steps. */
  readonly #outer: StepLog | undefined;
  readonly #lines: string[] = [];
  /** The token that ends `::stop-commands::`. */
  #stopped: string | undefined;

  constructor(job: JobLog, step: string, outer: StepLog | undefined) {
    this.#job = job;
    this.#step = step;
    this.#outer = outer;
  }

  get text(): string {
    return this.#lines.join('\n');
  }

  get warnings(): string[] {
    return this.annotations.filter(({ level }) => level === 'warning').map(({ message }) => message);
  }

  /** Reads a line of the step's output. */
  readLine(line: string): void {
    const command = /^\s*::([\w-]+)(?:\s[^:]*(?::(?!:)[^:]*)*)?::(.*)$/.exec(line);
    const name = command?.[1]?.toLowerCase();
    const value = unescapeData(command?.[2] ?? '');
    if (this.#stopped !== undefined) {
      if (name === this.#stopped) this.#stopped = undefined;
      else this.#print(line);
      return;
    }
    if (name === 'add-mask') this.#job.mask(value);
    else if (name === 'stop-commands') this.#stopped = value.toLowerCase();
    else if (name === 'debug' || name === 'notice' || name === 'warning' || name === 'error')
      this.annotate(name, value);
    else if (name === 'group') this.#print(`##[group]${value}`);
    else if (name === 'endgroup') this.#print('##[endgroup]');
    else this.#print(line);
  }

  annotate(level: Annotation['level'], message: string): void {
    this.annotations.push({ level, message: this.#job.masked(message) });
    if (level !== 'debug') for (const line of message.split('\n')) this.#print(`##[${level}]${line}`);
  }

  #print(line: string): void {
    const text = this.#job.print(this.#step, line);
    for (let log: StepLog | undefined = this; log !== undefined; log = log.#outer) log.#lines.push(text);
  }
}

/** Decodes the value of a workflow command. */
export function unescapeData(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}
