import { integer, list, readOptions } from './arguments.ts';
import { BenchError } from './bench-error.ts';

const caseLetters = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
export type CaseLetter = (typeof caseLetters)[number];

export const placeNames = ['tmpfs', 'disk'] as const;
export type PlaceName = (typeof placeNames)[number];

export const linkNames = ['loopback', 'shaped', 'slow'] as const;
export type LinkName = (typeof linkNames)[number];

const phases = ['save', 'restore'] as const;
export type Phase = (typeof phases)[number];

/** Another program to compare with: two commands for bash. */
export interface PeerOption {
  readonly name: string;
  readonly save: string;
  readonly restore: string;
}

export interface BenchOptions {
  readonly cases: readonly CaseLetter[];
  readonly pairs: number;
  readonly places: readonly PlaceName[];
  readonly links: readonly LinkName[];
  readonly phases: readonly Phase[];
  /** Numbers of worker threads. Unless empty, the scale table replaces the comparison. */
  readonly workers: readonly number[];
  /** Undefined if the action's default. */
  readonly level: number | undefined;
  readonly peers: readonly PeerOption[];
  /** Uses small data and one pair, and writes nothing to bench/results. */
  readonly quick: boolean;
}

const usage = `npm run bench -- [OPTIONS]
  --cases a,b,c,d,e,f        which cases (all)
  --pairs N                  measured runs of each program after its warm-up (5; 1 with --quick)
  --where tmpfs,disk         the place of the trees and temporary files (tmpfs)
  --link loopback,shaped,slow
                             how the client reaches the gateway (loopback)
  --only save|restore        one of the two phases (both)
  --workers 1,2,4            no comparison: this action alone, with these numbers of worker threads
  --level N                  compression level of this action, 1 to 19 (its default)
  --peer NAME=SAVE,RESTORE   another program to compare with: two bash commands without commas; repeatable
  --quick                    small data; the tables are only printed`;

/** Reads the command line. Throws `BenchError` for the first mistake. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const values = parse(args);
  const quick = values.quick ?? false;
  return {
    cases: list('cases', values.cases, caseLetters) ?? caseLetters,
    pairs: integer('pairs', values.pairs, 1, 100) ?? (quick ? 1 : 5),
    places: list('where', values.where, placeNames) ?? ['tmpfs'],
    links: list('link', values.link, linkNames) ?? ['loopback'],
    phases: list('only', values.only, phases) ?? phases,
    workers: (values.workers ?? '')
      .split(',')
      .filter(word => word !== '')
      .map(word => integer('workers', word, 1, 64)!),
    level: integer('level', values.level, 1, 19),
    peers: (values.peer ?? []).map(parsePeer),
    quick,
  };
}

function parse(args: readonly string[]) {
  const string = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const peer = { type: 'string', multiple: true } as const;
  const comparison = { cases: string, pairs: string, where: string, link: string, only: string };
  return readOptions(args, { ...comparison, workers: string, level: string, peer, quick: flag }, usage);
}

function parsePeer(text: string): PeerOption {
  const [, name, save, restore] = /^([A-Za-z0-9._-]+)=([^,]+),([^,]+)$/.exec(text) ?? [];
  if (name && save && restore) return { name, save, restore };
  throw new BenchError(
    `--peer is '${text}', but it has to be NAME=SAVE,RESTORE: a name of letters, digits, '.', '_' and '-', and two commands without commas.`,
  );
}
