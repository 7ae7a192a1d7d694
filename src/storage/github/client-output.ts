import { setSecret } from '@actions/core';
import type { Log } from '../../report/log.ts';
import { PROGRESS_INTERVAL_MS } from '../../report/progress.ts';
import { redact } from '../redact.ts';

/**
 * Reads the output of one call of `@actions/cache`. The client catches its errors, prints them and returns `undefined` or -1, so
 * only its output explains a failure. The output also has texts of the service and names of files. All of it is written to the
 * log, which escapes it, and only masks reach the runner as commands.
 *
 * The texts are from `@actions/cache` 6.3.0 (lib/cache.js); the local tests compare them with the real client.
 */
export class ClientOutput {
  /** The reason that the client printed for the failure of the call. Undefined if it printed none. */
  problem: string | undefined;
  /** The reason for which the last attempt failed. Undefined if the client printed none. The client may retry it. */
  lastFailure: string | undefined;
  /** Size of the archive in bytes. Undefined if the client did not print it. */
  sizeBytes: number | undefined;

  readonly #log: Log;
  readonly #onMatch: (key: string) => void;
  #partialLine = '';
  #nextProgressMs = 0;

  /**
   * Reads the lines of one call.
   * @param onMatch receives the key of the entry that the service found. If it throws, the client does not download.
   */
  constructor(log: Log, onMatch: (key: string) => void) {
    this.#log = log;
    this.#onMatch = onMatch;
  }

  /** Reads a message of `@actions/core` (a string) or a piece of tar's output (bytes). */
  write(chunk: string | Uint8Array): void {
    if (typeof chunk !== 'string') {
      this.#readProgram(Buffer.from(chunk).toString());
      return;
    }
    const message = chunk.replace(/\r?\n$/, '');
    // @actions/core writes each command in one line: a text of several lines is no command
    const [, command, data = ''] = /^::([a-z-]+)::(.*)$/.exec(message) ?? [];
    const text = unescapeData(data);
    if (command === undefined) this.#readInfo(message);
    else if (command === 'add-mask') mask(text);
    else if (command === 'debug') this.#readDebug(text);
    else this.#readProblem(text);
  }

  #readDebug(text: string): void {
    // The client prints this cause nowhere else
    if (text.startsWith('Failed to reserve cache: ')) this.problem = causeIn(text);
    this.#readDetails(text);
    this.#log.debug(text);
  }

  #readProblem(text: string): void {
    if (text.startsWith("You've hit a rate limit")) this.#log.warning(`GitHub's cache: ${text}`);
    else this.problem = causeIn(text);
  }

  #readInfo(text: string): void {
    const match = /^Cache hit for(?: restore-key)?: (.*)$/s.exec(text);
    if (match !== null) this.#onMatch(match[1] ?? '');
    if (/^Failed to save: |^Cache (?:restore|save) skipped: /.test(text)) this.problem ??= causeIn(text);
    this.#readDetails(text);
    if (/^(?:Received|Sent) \d+ of \d+/.test(text) && performance.now() >= this.#nextProgressMs) {
      // The client prints its progress every second
      this.#nextProgressMs = performance.now() + PROGRESS_INTERVAL_MS;
      this.#log.info(text);
    } else {
      this.#log.debug(text);
    }
  }

  /** Reads the size and the failures. The client prints them differently for each version of the service, and in a save. */
  #readDetails(text: string): void {
    const [, size] = /^(?:File Size: |Cache Size: ~\d+ MB \()(\d+)/.exec(text) ?? [];
    if (size !== undefined) this.sizeBytes = Number(size);
    const attempt = /\bAttempt \d+ of \d+ failed with error: (.*?)(?:\. Retrying request in \d+ ms\.\.\.)?$/s;
    const [, failure] = attempt.exec(text) ?? [];
    if (failure !== undefined) this.lastFailure = causeIn(failure);
  }

  /** Logs the output of tar: errors and warnings, and in debug mode the names in an archive. */
  #readProgram(text: string): void {
    const lines = `${this.#partialLine}${text}`.split(/\r?\n/);
    this.#partialLine = lines.pop() ?? '';
    for (const line of lines) this.#log.info(line);
  }
}

/** Masks a value, unless it is so short or so unlike a signature or URL that other text would be masked with it. */
function mask(value: string): void {
  if (/^[!-~]{8,8192}$/.test(value)) setSecret(value);
}

/**
 * Returns the cause in the text of a failure, at most 300 characters of its first line, without secrets: the client appends
 * paragraphs of links, the service any text.
 */
function causeIn(text: string): string {
  const cause = text.replace(/^Failed to (?:restore|save|reserve cache): (?:Error: |.*More details: )?/s, '');
  return redact(cause.split('\n', 1).join()).slice(0, 300);
}

/** Reverses the escaping of `@actions/core` in the text of a workflow command. */
function unescapeData(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}
