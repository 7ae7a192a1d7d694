/** Level of zstd, 1 to 19, or `auto`: as high as the link to the store leaves time for. */
export type CompressionLevel = number | 'auto';

/** Bounds of `auto`: a lower level hardly saves time, a higher one hardly saves bytes for its time (ADR 0028). */
const LOWEST = 3;
const HIGHEST = 9;
/** Minimum number of frames at one level. */
const FRAMES_A_STEP = 8;

/** The level of some frames in a row. */
export interface LevelRun {
  readonly level: number;
  frames: number;
}

/**
 * Chooses the level of each frame. With `auto`, eight frames that find a full queue of bytes to be sent raise the level by one,
 * because the workers would have to wait for the link. Eight that find it less than half full lower it by one.
 */
export class CompressionLevels {
  /** All levels so far, in the order of the frames. */
  readonly runs: LevelRun[] = [];
  readonly #isAuto: boolean;
  #level: number;
  /** Number of frames in a row that found the queue full. Negative if they found it less than half full. */
  #inRow = 0;

  constructor(level: CompressionLevel) {
    this.#isAuto = level === 'auto';
    this.#level = level === 'auto' ? LOWEST : level;
  }

  /** The current level, which `next` may change. */
  get level(): number {
    return this.#level;
  }

  /** Returns the level of the next frame. `queueFill` is the fill level of the queue of bytes to send: 0 is empty, 1 or more is full. */
  next(queueFill: number): number {
    if (this.#isAuto) this.#step(queueFill);
    const run = this.runs.at(-1);
    if (run?.level === this.#level) run.frames++;
    else this.runs.push({ level: this.#level, frames: 1 });
    return this.#level;
  }

  #step(queueFill: number): void {
    const direction = queueFill >= 1 ? 1 : queueFill < 0.5 ? -1 : 0;
    this.#inRow = Math.sign(this.#inRow) === direction ? this.#inRow + direction : direction;
    if (Math.abs(this.#inRow) < FRAMES_A_STEP) return;
    this.#level = Math.min(HIGHEST, Math.max(LOWEST, this.#level + direction));
    this.#inRow = 0;
  }
}

/** Maximum number of levels in a log line: the level may change after each eight frames. */
const MAX_SHOWN = 64;

/** Describes the levels of a save for the debug log: `3 (40 frames), 4 (8), 5 (120)`. */
export function describeLevels(runs: readonly LevelRun[]): string {
  const shown = runs.slice(0, MAX_SHOWN).map(({ level, frames }) => `${level} (${frames})`);
  const rest = runs.length - shown.length;
  return shown.join(', ') + (rest > 0 ? ` and ${rest} more changes` : '');
}
