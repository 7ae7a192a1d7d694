/**
 * This folder has the messages between the main thread and the workers. One module for each kind of job has its type, writes it
 * and reads it. Numbers are rows of an array, and strings are joined with NUL, which no name contains. Cloning 100,000 small
 * objects between threads takes as long as reading the files that they name.
 */

import { DamagedArchiveError, SourceTreeError, StagedFileError } from '../archive-errors.ts';
import type { CompareJob, CompareResult } from './compare-job.ts';
import type { ContentJob, ContentResult } from './content-job.ts';
import type { DirectoryJob, DirectoryResult } from './directory-job.ts';
import type { EvictJob, EvictResult, FindJob, FindResult } from './disk-job.ts';
import type { ListJob, ListResult } from './list-job.ts';
import type { PackJob, PackResult } from './pack-job.ts';
import type { UnpackJob, UnpackResult } from './unpack-job.ts';

export type Job = PackJob | UnpackJob | CompareJob | ContentJob | DirectoryJob | ListJob | FindJob | EvictJob;

interface Results {
  readonly pack: PackResult;
  readonly unpack: UnpackResult;
  readonly compare: CompareResult;
  readonly content: ContentResult;
  readonly directories: DirectoryResult;
  readonly list: ListResult;
  readonly find: FindResult;
  readonly evict: EvictResult;
}

export type ResultOf<J extends Job> = Results[J['kind']];

/** The main thread's message to a worker. */
export interface JobMessage {
  readonly id: number;
  readonly job: Job;
  /** Number of the worker's buffer with the job's bytes, if they are not in the message. */
  readonly buffer?: number;
}

/** The outcome of a job, in a message to the main thread. */
export type JobOutcome = { readonly result: ResultOf<Job> } | { readonly failure: JobFailure };

/** An error in a message: a clone of an error does not have its class. */
interface JobFailure {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  /** Path of a `StagedFileError`. */
  readonly path: string | undefined;
}

export function encodeFailure({ name, message, code, path }: NodeJS.ErrnoException): JobFailure {
  return { name, message, code, path };
}

const KNOWN_ERRORS = { DamagedArchiveError, SourceTreeError };

/** Makes an error of the class that the worker has thrown, or an `Error` if it is no class of the archive. */
export function decodeFailure({ name, message, code, path }: JobFailure): Error {
  if (name === 'StagedFileError') return new StagedFileError(path ?? '', { code });
  const ErrorClass = KNOWN_ERRORS[name as keyof typeof KNOWN_ERRORS] ?? Error;
  return Object.assign(new ErrorClass(message), code === undefined ? {} : { code });
}
