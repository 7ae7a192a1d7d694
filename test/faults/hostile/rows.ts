/** The table of hostile answers and calls, and how a row is judged. */

import * as fs from 'node:fs/promises';
import path from 'node:path';
import { type Checkout, copyCheckout } from '../../support/checkout.ts';
import { type MemoryServer, refusal, startMemoryServer } from '../../support/servers/memory-server.ts';
import { emptyContent, type MemoryContent } from '../../support/servers/memory-store.ts';
import { MiB } from '../../support/sizes.ts';
import { visibleLines } from '../case.ts';
import { type HostileAnswer, hostileAnswers } from './answers.ts';
import { type HostileCall, hostileCalls, type Seeds, writeLarge, writeSmall } from './calls.ts';
import { type HostileResult, HostileScene } from './scene.ts';

/** Promises for every row. */
const MAX_SECONDS = 60;
const MAX_MB = 500;
const MAX_SIGNAL_SECONDS = 5;

/** The signal comes this long after the first hostile answer, in ms. */
const SIGNAL_AFTER_MS = 1000;

export interface HostileRow {
  readonly answer: HostileAnswer;
  readonly call: HostileCall;
}

export interface HostileFinding {
  /** The lines that the user sees. */
  readonly lines: readonly string[];
  readonly seconds: number;
  readonly peakMb: number;
  readonly exit: string;
  /** From SIGINT to the end, in a run of its own. Undefined for a phase that ends by itself before the signal. */
  readonly signalSeconds: number | undefined;
  /** One sentence for each broken promise. */
  readonly violations: readonly string[];
}

export const hostileRows: readonly HostileRow[] = hostileCalls.flatMap(call =>
  hostileAnswers
    .filter(({ operations }) => operations === undefined || operations.includes(call.operation))
    .map(answer => ({ answer, call })),
);

/** Runs rows against one copy of the action. */
export class HostileLab {
  readonly #checkout: Checkout;
  #seeds: Promise<Seeds> | undefined;

  private constructor(checkout: Checkout) {
    this.#checkout = checkout;
  }

  static async open(): Promise<HostileLab> {
    return new HostileLab(await copyCheckout('cache-s3-hostile-'));
  }

  close(): Promise<void> {
    return this.#checkout.remove();
  }

  async #openScene(bucket: MemoryServer): Promise<HostileScene> {
    const root = await fs.mkdtemp(path.join(this.#checkout.root, 'row-'));
    return new HostileScene(bucket, root, this.#checkout.directory);
  }

  async run(row: HostileRow): Promise<HostileFinding> {
    const { result, met } = await this.#meet(row, undefined);
    const interrupted = row.answer.slow ? (await this.#meet(row, SIGNAL_AFTER_MS)).result : undefined;
    return findingOf(result, met, interrupted);
  }

  /** Runs a row once, with a signal after the first hostile answer where `signalAfterMs` is given. */
  async #meet({ answer, call }: HostileRow, signalAfterMs: number | undefined) {
    this.#seeds ??= this.#makeSeeds();
    const seeds = await this.#seeds;
    await using bucket = await startMemoryServer(
      {},
      call.seed === 'empty' ? emptyContent() : seeds[call.seed],
    );
    call.prepare?.(bucket.content);
    const scene = await this.#openScene(bucket);
    let seen = 0;
    let timer: NodeJS.Timeout | undefined;
    bucket.takeover = operation => {
      if (operation === call.refused) return refusal(403);
      if (operation !== call.operation || ++seen <= (call.after ?? 0)) return undefined;
      if (signalAfterMs !== undefined) timer ??= setTimeout(() => scene.interrupt(), signalAfterMs);
      return answer.takeover;
    };
    const result = await call.run(scene);
    clearTimeout(timer);
    return { result, met: seen > (call.after ?? 0) };
  }

  /** Saves the archives of the seeds by the action itself. */
  async #makeSeeds(): Promise<Seeds> {
    return {
      small: await this.#savedBy(writeSmall, { key: 'small' }),
      large: await this.#savedBy(writeLarge, { key: 'large-1', 'upload-chunk-size': String(5 * MiB) }),
    };
  }

  async #savedBy(
    write: (scene: HostileScene) => Promise<void>,
    inputs: Readonly<Record<string, string>>,
  ): Promise<MemoryContent> {
    await using bucket = await startMemoryServer({}, emptyContent());
    const scene = await this.#openScene(bucket);
    await write(scene);
    const { stdout } = await scene.phase('save', inputs);
    if (bucket.content.objects.size !== 1) throw new Error(`the seed was not saved:\n${stdout}`);
    return bucket.content;
  }
}

function findingOf(
  result: HostileResult,
  met: boolean,
  interrupted: HostileResult | undefined,
): HostileFinding {
  const exit = result.signal ?? String(result.exitCode);
  const seconds = result.ms / 1000;
  const signalSeconds =
    interrupted?.afterSignalMs === undefined ? undefined : interrupted.afterSignalMs / 1000;
  const violations = [
    met ? '' : 'the call was not reached',
    exit === '0' ? '' : `exit ${exit}`,
    seconds <= MAX_SECONDS ? '' : `it took ${seconds.toFixed(1)} s`,
    result.peakMb <= MAX_MB ? '' : `it used ${Math.round(result.peakMb)} MB`,
    (signalSeconds ?? 0) <= MAX_SIGNAL_SECONDS ? '' : `it ended ${signalSeconds!.toFixed(1)} s after SIGINT`,
    ...result.lines.flatMap(({ text }) => printedWrong(text)),
  ].filter(violation => violation !== '');
  const lines = visibleLines(result);
  return { lines, seconds, peakMb: result.peakMb, exit, signalSeconds, violations };
}

/** Finds text that no line may show: a secret, an injected command, an error, or a foreign text without end. */
function printedWrong(line: string): string[] {
  return /^::error|injected$|hidden-secret|x{200}/.test(line) ? [`it printed ${line.slice(0, 100)}`] : [];
}
