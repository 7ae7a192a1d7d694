import type { FallbackBackend } from '../../storage/fallback.ts';
import type { StepPlan } from '../step/plan.ts';

/** A backend as a step uses it: with another to fall back on, or alone, which answers or throws. */
export type StepBackend = FallbackBackend;

export interface OpenOptions {
  /** GitHub's cache may be asked when the bucket does not answer. */
  readonly fallback: boolean;
  /** One attempt for each call until the bucket has served one: it was down when the job began. */
  readonly once: boolean;
  /** Called as bytes are transferred, in either direction. */
  readonly onBytes: (count: number) => void;
  /** Called when the size of what is transferred becomes known, in bytes. */
  readonly onTotal: (bytes: number) => void;
}

/** Makes the backend of a step; `wire.ts` is the one used outside tests. */
export type OpenBackend = (plan: StepPlan, options: OpenOptions) => Promise<StepBackend>;
