/** Runs many restores of one archive into one directory at once, while readers check the files. */

import { spawn } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { giveAway, unprivileged } from '../../support/drop-privileges.ts';
import {
  buildTree,
  deleteTree,
  describeTree,
  type TreeDescription,
  type TreeSpec,
  treeDifferences,
} from '../../support/tree.ts';
import { ageStaging } from '../support/age-staging.ts';
import {
  type RestoreEnd,
  type RestoreProcess,
  runRestoreProcess,
  saveTo,
  startRestoreProcess,
} from '../support/restore-process.ts';
import { READER, type ReaderJob, type ReaderReport } from './reader.ts';

export interface Round {
  readonly processes: number;
  readonly readers: number;
  /** Worker threads of each process. Default: none. */
  readonly workers?: number;
  /** The tree before: empty, the files with other content, entries of other types, or some files missing or truncated. */
  readonly before: 'nothing' | 'other content' | 'other types' | 'damage';
  /** The end of one of the processes: it fails before its commit, or is killed during its commit. */
  readonly disturbance: 'none' | 'fails' | 'killed';
}

interface RoundReport {
  /** One line for each state that no process may see. Expected to be empty. */
  readonly violations: readonly string[];
  readonly reads: number;
  /** Sum of the peak resident set sizes of the restoring processes, in bytes. */
  readonly rssBytes: number;
}

const CRATES = 8;
const FILES = 6;

/** Returns a registry of crates: read-only files in read-only directories, and a tarball for each. */
function registry(state: string): TreeSpec {
  const spec: Record<string, TreeSpec[string]> = {};
  for (let crate = 0; crate < CRATES; crate++) {
    spec[`tree/cache/${crate}.crate`] = { content: `crate ${crate} ${state}\n`.repeat(300), mode: 0o444 };
    for (let file = 0; file < FILES; file++)
      spec[`tree/src/${crate}/${file}.rs`] = {
        content: `file ${crate} ${file} ${state}\n`.repeat(500),
        mode: 0o444,
      };
    spec[`tree/src/${crate}`] = { directory: true, mode: 0o555 };
    spec[`tree/store/${crate}`] = { hardlink: `tree/cache/${crate}.crate` };
  }
  spec['tree/src'] = { directory: true, mode: 0o555 };
  return spec;
}

function damaged(): TreeSpec {
  const entries = Object.entries(registry('new'));
  return Object.fromEntries(
    entries.flatMap(([name, node], index) => {
      const isFile = typeof node === 'object' && 'content' in node;
      if (typeof node === 'object' && 'hardlink' in node) return [];
      if (isFile && index % 3 === 0) return [];
      if (isFile && index % 5 === 0) return [[name, { content: 'torn', mode: 0o444 }]];
      return [[name, node]];
    }),
  );
}

/** Returns directories in place of files, and files and links in place of directories. */
function otherTypes(): TreeSpec {
  return {
    'tree/cache/0.crate/inside': 'x',
    'tree/cache/1.crate/inside': 'x',
    'tree/cache/1.crate': { directory: true, mode: 0o555 },
    'tree/cache/2.crate': { symlink: 'nowhere' },
    'tree/src/0': 'a file',
    'tree/src/1': { symlink: '../cache' },
    'tree/src/2/0.rs/inside': 'x',
    'tree/src/3': { symlink: 'nowhere' },
  };
}

/** Runs one round, and removes all its files. */
export async function concurrentRound(round: Round): Promise<RoundReport> {
  const directory = mkdtempSync(join(tmpdir(), 'cache-s3-concurrent-'));
  try {
    return await inDirectory(directory, round);
  } finally {
    await deleteTree(directory);
  }
}

async function inDirectory(directory: string, round: Round): Promise<RoundReport> {
  chmodSync(directory, 0o755);
  const object = await saveTo(directory, registry('new'));
  const workspace = join(directory, 'work');
  mkdirSync(workspace);
  const present = {
    nothing: {},
    'other content': registry('old'),
    'other types': otherTypes(),
    damage: damaged(),
  }[round.before];
  await buildTree(workspace, present);
  const elsewhere = await linkElsewhere(workspace, join(directory, 'elsewhere'));
  await giveAway(workspace);
  const before = await describeTree(workspace);
  const after = await describeTree(join(directory, 'source'));

  const readers = Array.from({ length: round.readers }, () =>
    startReader(readerJob(workspace, before, after)),
  );
  await Promise.all(readers.map(reader => reader.reading));
  const job = { object, workspace, patterns: ['tree'], slowRenameMs: 1, workers: round.workers ?? 0 };
  const restores = Array.from({ length: round.processes }, (_, index) =>
    startRestoreProcess({ ...job, ...(index === 1 && disturbances[round.disturbance]) }),
  );
  const violations = await unexpectedEnds(restores, round);
  const rssBytes = await peakMemory(restores);
  const reports = await Promise.all(readers.map(reader => reader.stop()));
  violations.push(...reports.flatMap(report => report.violations));

  const now = await describeTree(workspace);
  if (round.disturbance === 'none') violations.push(...treeDifferences(now, after));
  // The next restore removes the staging of a killed one. Until then no entry of the archive is missing
  else violations.push(...treeDifferences(contentsOf(now, after), contentsOf(after, after)));
  ageStaging(workspace);
  const last = await runRestoreProcess({ ...job, slowRenameMs: 0 });
  if (last.exitCode !== 0) violations.push(`the restore after the round: ${JSON.stringify(last.output)}`);
  violations.push(
    ...treeDifferences(await describeTree(workspace), after).map(found => `${found}, after the round`),
  );
  if (elsewhere)
    violations.push(...treeDifferences(await describeTree(join(directory, 'elsewhere')), elsewhere));
  return { violations, reads: reports.reduce((sum, { reads }) => sum + reads, 0), rssBytes };
}

const disturbances = { none: {}, fails: { failAtRead: 2 }, killed: { killAtRename: 5 } };

/** Makes a second hard link to each existing file, as in pnpm's store. No restore may change their content. */
async function linkElsewhere(workspace: string, elsewhere: string): Promise<TreeDescription | undefined> {
  const found = await describeTree(workspace);
  const files = Object.keys(found).filter(name => found[name]?.type === 'file');
  if (files.length === 0) return undefined;
  mkdirSync(elsewhere);
  files.forEach((name, index) => {
    linkSync(join(workspace, name), join(elsewhere, String(index)));
  });
  return describeTree(elsewhere);
}

function readerJob(root: string, before: TreeDescription, after: TreeDescription): ReaderJob {
  const files: Record<string, string[]> = {};
  for (const [name, entry] of [...Object.entries(before), ...Object.entries(after)]) {
    if (entry.type === 'file' && after[name]?.type === 'file')
      files[name] = [...(files[name] ?? []), entry.sha256!];
  }
  // A restore may remove entries of another type
  const present = Object.keys(before).filter(
    name => before[name]?.type === 'file' && after[name]?.type === 'file',
  );
  return { root, files, present };
}

function startReader(job: ReaderJob): { reading: Promise<void>; stop: () => Promise<ReaderReport> } {
  const child = spawn(process.execPath, [READER, JSON.stringify(job)], {
    ...unprivileged(),
    cwd: '/',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  const reading = new Promise<void>(resolve => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      resolve();
    });
  });
  const ended = new Promise<ReaderReport>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve(JSON.parse(output.slice(output.indexOf('\n')))));
  });
  return {
    reading,
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}

/** Returns one line for each process that did not end as it should. */
async function unexpectedEnds(
  restores: readonly RestoreProcess[],
  { disturbance }: Round,
): Promise<string[]> {
  const ends = await Promise.all(restores.map(({ ended }) => ended));
  return ends.flatMap((end, index) => {
    const { exitCode, signal, output, stderr } = end;
    if (index === 1 ? isEndOf[disturbance](end) : exitCode === 0) return [];
    return [`process ${index} ended with ${exitCode ?? signal}: ${JSON.stringify(output)} ${stderr}`];
  });
}

/** The allowed ends of the disturbed process. A process that publishes by a single rename ends before it can be killed. */
const isEndOf = {
  none: ({ exitCode }: RestoreEnd) => exitCode === 0,
  fails: ({ exitCode }: RestoreEnd) => exitCode === 1,
  killed: ({ exitCode, signal }: RestoreEnd) => signal === 'SIGKILL' || exitCode === 0,
};

async function peakMemory(restores: readonly RestoreProcess[]): Promise<number> {
  const ends = await Promise.all(restores.map(({ ended }) => ended));
  return ends.reduce((sum, { output }) => sum + (output?.rssBytes ?? 0), 0);
}

/** Returns the type and content of the entries that `expected` has too. */
function contentsOf(tree: TreeDescription, expected: TreeDescription): Record<string, unknown> {
  const known = Object.entries(tree).filter(([name]) => name in expected);
  return Object.fromEntries(
    known.map(([name, { type, sha256, target }]) => [name, { type, sha256, target }]),
  );
}
