import type { Phase } from '../options.ts';
import type { Command } from '../process/command.ts';
import type { Measured } from '../process/measure.ts';

/** One save or restore, as any of the compared programs is told of it. */
export interface CacheRun {
  readonly phase: Phase;
  readonly key: string;
  readonly restoreKeys: readonly string[];
  /** What is cached, relative to the workspace. */
  readonly path: string;
  readonly workspace: string;
  /** Empty, for temporary files. */
  readonly temp: string;
}

/** What a program said about a run; undefined where it does not say. */
export interface Told {
  /** `saved`, `hit`, `partial`, `miss`, ... */
  readonly result: string | undefined;
  /** Of the stored object. */
  readonly bytes: number | undefined;
  readonly requests: number | undefined;
}

/** Something that saves and restores caches, or does nothing, to compare with. */
export interface Program {
  readonly name: string;
  /** Its own, so that it can be emptied; undefined: touches none. */
  readonly bucket: string | undefined;
  command(job: CacheRun): Command;
}

/** Reads the `NAME: op=save result=saved bytes=1 requests=2` line that ours and the reference end with. */
export function readTold({ output }: Measured): Told {
  const line = /^[\w-]+: (op=.*)$/m.exec(output)?.[1] ?? '';
  const fields = new Map(line.split(' ').map(word => word.split('=') as [string, string]));
  const number = (name: string) => (fields.has(name) ? Number(fields.get(name)) : undefined);
  return { result: fields.get('result'), bytes: number('bytes'), requests: number('requests') };
}
