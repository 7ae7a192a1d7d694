import type { Attempt, S3Command } from '../../storage/s3/calls/call.ts';
import type { ServiceInputTypes, ServiceOutputTypes } from '../../storage/s3/calls/sdk.ts';
import type { FindingReporter } from './finding.ts';

/** The part of a store in which a trial reads and writes, for credentials that are limited to it. */
export interface TrialPrefixes {
  /** The prefix of its caches. */
  readonly caches: string;
  /** The prefix of their markers. */
  readonly markers: string;
}

/** Sends one command. `operation` is S3's name of it. Throws the errors of the store contract. */
export type CommandSender = <I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  operation: string,
  command: S3Command<I, O>,
) => Promise<O>;

/** A server that is checked. Its calls have two attempts each, and no failure opens the circuit. */
export interface Trial {
  readonly sdk: typeof import('../../storage/s3/calls/sdk.ts');
  readonly isStatus: typeof import('../../storage/s3/errors/response-error.ts').isStatus;
  readonly tlsRefusal: typeof import('../../storage/s3/errors/refusals.ts').tlsRefusal;
  readonly bucket: string;
  readonly prefixes: TrialPrefixes;
  /** Beginning of the names of all trial objects among the caches. */
  readonly root: string;
  /** Names of trial objects that may exist, for `checkDelete`. */
  readonly stored: Set<string>;
  readonly signal: AbortSignal;
  /** Makes a call. Throws the errors of the store contract. */
  call<T>(operation: string, attempt: Attempt<T>): Promise<T>;
  readonly send: CommandSender;
  /** Sends a command that removes a part of the trial, also in the 4 s after an interrupt. */
  readonly cleanUp: CommandSender;
  readonly report: FindingReporter;
}
