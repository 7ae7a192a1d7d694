import { isTexts } from '../../records/job-records.ts';
import type { ObjectVersion } from '../../storage/object-store.ts';
import type { CacheSource } from '../../storage/outcomes.ts';
import type { CacheInputs } from '../inputs/cache-inputs.ts';
import type { Environment } from '../inputs/read-input.ts';
import type { Runner } from '../runner/runner.ts';
import type { TargetPin } from './target-pin.ts';

/** Facts that the main phase passes to the post phase. None is secret, because the runner keeps them in plain files. */
export interface StepState extends CacheInputs {
  /** Whether the restore has finished, so that no path is half restored. */
  readonly finished: boolean;
  readonly saveAlways: boolean;
  /** The home directory of the main phase. A step may set HOME for the rest of the job, and `~/x` would be another path. */
  readonly home: string;
  /** The only place to which the post phase sends requests. */
  readonly target: TargetPin;
  readonly source: CacheSource | 'none';
  readonly matchedKey?: string;
  /** Whether the bucket was down in the main phase (`OpenOptions.bucketWasDown`). */
  readonly bucketWasDown: boolean;
  /** The best match that is damaged. */
  readonly damaged?: ObjectVersion;
  /** The object that was restored. */
  readonly base?: ObjectVersion;
}

const NAME = 'CACHE_S3';

/** Saves the state for the post phase. May be called again, because the runner keeps the last value. */
export function writeState(runner: Runner, state: StepState): void {
  runner.saveState(NAME, JSON.stringify(state));
}

/** Limit on the length of the state. Linux allows 128 KiB for a variable, and the runner starts no post step with a longer one. */
const MAX_STATE_LENGTH = 128 * 1024;

/** Reads the state. Returns undefined if the main phase failed before it wrote one, or if another release wrote it. */
export function readState(env: Environment): StepState | undefined {
  const text = env[`STATE_${NAME}`];
  if (!text || text.length > MAX_STATE_LENGTH) return undefined;
  try {
    const state: unknown = JSON.parse(text);
    return isState(state) ? state : undefined;
  } catch {
    return undefined;
  }
}

function isState(state: unknown): state is StepState {
  return (
    isRecord(state) &&
    isTexts(state.paths) &&
    isText(state.key) &&
    isTexts(state.restoreKeys) &&
    typeof state.finished === 'boolean' &&
    typeof state.saveAlways === 'boolean' &&
    isText(state.home) &&
    isRecord(state.target) &&
    Object.values(state.target).every(isText) &&
    SOURCES.has(state.source) &&
    (state.matchedKey === undefined || isText(state.matchedKey)) &&
    typeof state.bucketWasDown === 'boolean' &&
    (state.damaged === undefined || isObjectVersion(state.damaged)) &&
    (state.base === undefined || isObjectVersion(state.base))
  );
}

const SOURCES: ReadonlySet<unknown> = new Set<StepState['source']>(['s3', 'directory', 'github', 'none']);

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isObjectVersion(value: unknown): boolean {
  return isRecord(value) && isText(value.name) && isText(value.etag);
}
