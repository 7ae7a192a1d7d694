import type { Attempt, S3Command } from '../../storage/s3/calls/call.ts';
import type { ReportFinding } from './finding.ts';

/** The part of a store in which a trial reads and writes, for credentials that are limited to it. */
export interface TrialPrefixes {
  /** The prefix of its caches. */
  readonly caches: string;
  /** The prefix of their markers. */
  readonly markers: string;
}

type Sdk = typeof import('../../storage/s3/s3-store.ts')['sdk'];
type CommandOf<O extends Operation> = InstanceType<Sdk[`${O}Command`]>;
type OutputOf<O extends Operation> = CommandOf<O> extends S3Command<infer _, infer Output> ? Output : never;

/** S3's name of an operation. */
export type Operation = keyof Sdk extends infer Name ? (Name extends `${infer O}Command` ? O : never) : never;

/** Sends one command about the bucket. Throws the errors of the store contract. */
export type Send = <O extends Operation>(
  operation: O,
  input: Omit<CommandOf<O>['input'], 'Bucket'>,
) => Promise<OutputOf<O>>;

/** A server that is checked. Makes single calls with two attempts each; no failure opens the circuit. */
export interface Trial {
  readonly sdk: Sdk;
  readonly bucket: string;
  readonly prefixes: TrialPrefixes;
  /** The names of all trial objects among the caches begin with it. */
  readonly root: string;
  /** The names of objects that may exist, for `checkDelete`. */
  readonly stored: Set<string>;
  readonly signal: AbortSignal;
  /** Makes a call. Throws the errors of the store contract. */
  call<T>(operation: string, attempt: Attempt<T>): Promise<T>;
  readonly send: Send;
  /** As `send`, also after an interrupt, which leaves it 4 s: removes a part of the trial. */
  readonly cleanUp: Send;
  readonly report: ReportFinding;
}
