import type { ObjectVersion } from '../../storage/object-store.ts';
import type { CacheSource, DamagedObject } from '../../storage/outcomes.ts';
import type { CacheInputs } from '../inputs/inputs.ts';
import type { Environment } from '../inputs/read-input.ts';
import type { Runner } from '../runner/runner.ts';
import type { TargetPin } from './target-pin.ts';

/** Facts that the main phase passes to the post phase. Nothing secret: the runner keeps them in plain files. */
export interface StepState extends CacheInputs {
  /** The restore finished: the tree is not half restored. */
  readonly finished: boolean;
  readonly saveAlways: boolean;
  /** The post phase sends its requests only there. */
  readonly target: TargetPin;
  readonly source: CacheSource | 'none';
  readonly matchedKey?: string;
  /** The post phase gives the bucket one attempt for each call until one succeeds. */
  readonly bucketWasDown: boolean;
  /** The object that matched and is damaged. */
  readonly damaged?: DamagedObject;
  /** The object that was restored. */
  readonly base?: ObjectVersion;
}

const NAME = 'CACHE_S3';

/** May be called again: the runner keeps the last value. */
export function writeState(runner: Runner, state: StepState): void {
  runner.saveState(NAME, JSON.stringify(state));
}

/** Returns undefined if the main phase failed before it wrote a state, or another release wrote it. */
export function readState(env: Environment): StepState | undefined {
  const text = env[`STATE_${NAME}`];
  if (!text) return undefined;
  try {
    const state = JSON.parse(text) as Partial<StepState> | null;
    const whole =
      typeof state?.key === 'string' &&
      Array.isArray(state.paths) &&
      Array.isArray(state.restoreKeys) &&
      typeof state.target === 'object' &&
      state.target !== null;
    return whole ? (state as StepState) : undefined;
  } catch {
    return undefined;
  }
}
