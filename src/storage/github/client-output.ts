import type { Log } from '../../report/log.ts';

/**
 * Reads what `@actions/cache` prints. The client reports every failure as a line and then answers `undefined` or -1,
 * so its lines are the only place where a miss, an outage and a refusal differ. The wording is that of
 * `@actions/cache` 6.3.0 (lib/cache.js, lib/internal/shared/cacheTwirpClient.js); the integration tests hold it
 * against the real client.
 */
export class ClientOutput {
  /** Why the client gave up (`Failed to restore: ...`); undefined: it did not. */
  failure: string | undefined;
  /** Why the service did not reserve the key: the cause behind a failure that only says "another job may ...". */
  reserveFailure: string | undefined;
  /** What went wrong in the last attempt that it repeated. */
  lastAttempt: string | undefined;
  /** The run's cache mode forbids it (ACTIONS_CACHE_MODE): nothing was asked. */
  skipped: string | undefined;
  /** Bytes of the archive, where told. */
  sizeBytes: number | undefined;
  retries = 0;

  readonly #log: Log;
  readonly #passThrough: (line: string) => void;
  readonly #now: () => number;
  #nextProgress = 0;

  /**
   * @param passThrough prints a line as it is: workflow commands that only the runner understands (`::add-mask::`).
   * @param now in ms; progress is shown every five seconds at most, where the client prints it every second.
   */
  constructor(log: Log, passThrough: (line: string) => void, now: () => number) {
    this.#log = log;
    this.#passThrough = passThrough;
    this.#now = now;
  }

  read(line: string): void {
    const command = /^::([a-z-]+)[^:]*::(.*)$/.exec(line);
    const name = command?.[1];
    const text = unescapeData(command?.[2] ?? '');
    if (name === undefined) this.#readInfo(line);
    else if (name === 'debug') this.#readDebug(text);
    else if (name === 'warning' || name === 'error') this.#readProblem(text);
    else this.#passThrough(line);
  }

  #readDebug(text: string): void {
    this.reserveFailure ??= after(text, /^Failed to reserve cache: (?:Error: )?/);
    this.#readSize(/^File Size: (\d+)$/, text);
    this.#log.debug(text);
  }

  #readProblem(text: string): void {
    const failure = after(text, /^Failed to (?:restore|save): /);
    if (failure !== undefined) {
      this.failure = failure;
    } else if (/^Cache reservation failed: |^uploadCacheArchiveSDK: /.test(text)) {
      // Each comes again as the failure itself.
      this.#log.debug(text);
    } else if (/^You've hit a rate limit/.test(text)) {
      this.#log.warning(`GitHub's cache: ${text}`);
    } else {
      // A refused finalization has no prefix of its own.
      this.failure = text;
    }
  }

  #readInfo(text: string): void {
    const reserve = after(text, /^Failed to save: /);
    const attempt = after(text, /^Attempt \d+ of \d+ failed with error: /);
    if (reserve !== undefined) this.failure = reserve;
    if (attempt !== undefined) {
      this.lastAttempt = attempt.replace(/\. Retrying request in \d+ ms\.\.\.$/, '');
      this.retries += 1;
    }
    if (/^Cache (?:restore|save) skipped: /.test(text)) this.skipped = text;
    this.#readSize(/^Cache Size: ~\d+ MB \((\d+) B\)$/, text);
    if (/^(?:Received|Sent) \d+ of \d+/.test(text)) this.#showProgress(text);
    else if (text !== '') this.#log.debug(text);
  }

  #readSize(pattern: RegExp, text: string): void {
    const size = pattern.exec(text)?.[1];
    if (size !== undefined) this.sizeBytes = Number(size);
  }

  #showProgress(text: string): void {
    const now = this.#now();
    if (now < this.#nextProgress) {
      this.#log.debug(text);
      return;
    }
    this.#nextProgress = now + 5000;
    this.#log.info(text);
  }
}

function after(text: string, prefix: RegExp): string | undefined {
  return prefix.test(text) ? text.replace(prefix, '') : undefined;
}

/** The reverse of what `@actions/core` does to the text of a workflow command. */
function unescapeData(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}
