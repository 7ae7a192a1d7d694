import type { FallbackBackend } from '../../storage/fallback.ts';
import type { StepPlan } from '../step/plan.ts';

/** A backend as a step uses it: with another to fall back on, or alone, which answers or throws. */
export type StepBackend = FallbackBackend;

export interface OpenOptions {
  /** GitHub's cache may be asked when the bucket does not answer. */
  readonly fallback: boolean;
  /** The bucket was down when this job last called it: one attempt for each call until one succeeds. */
  readonly bucketWasDown: boolean;
  /** Called as bytes are transferred, in either direction. */
  readonly onBytes: (count: number) => void;
  /** Called when the size of what is transferred becomes known, in bytes. */
  readonly onTotal: (bytes: number) => void;
}

/** Makes the backend of a step; `wire.ts` is the one used outside tests. */
export type OpenBackend = (plan: StepPlan, options: OpenOptions) => Promise<StepBackend>;
