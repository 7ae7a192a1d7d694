import type { StorageBackend } from '../storage/backend.ts';
import type { StepPlan } from './plan.ts';

/** A backend as a step uses it. */
export interface StepBackend extends StorageBackend {
  /** The bucket was found down in this process. */
  readonly bucketDown: boolean;
  /** Why the last question got no answer from anybody; undefined: it was answered. */
  readonly unanswered: string | undefined;
}

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
