/** This folder is `cache-s3 stats`: the content of a store in figures, as text, JSON or a page with plots. */

import { lstat, rm, writeFile } from 'node:fs/promises';
import type { Invocation } from '../invocation.ts';
import { checkOutputFile, unwritableTarget } from '../output/check-target.ts';
import { writeJson } from '../output/json.ts';
import { isoTime } from '../subcommands/list.ts';
import { type Filter, readWithProgress } from '../subcommands/select.ts';
import { htmlPage } from './html-page.ts';
import { type GroupKind, type StatsFacts, Tally } from './tally.ts';
import { writeText } from './text-report.ts';

interface StatsOptions extends Filter {
  /** Rows of each table. */
  readonly top: number;
  /** The file of the page with plots. */
  readonly html?: string | undefined;
}

/** Counts the caches of the store and writes the figures. With `html`, it also writes a page into that file. */
export async function showStats(invocation: Invocation, options: StatsOptions): Promise<void> {
  const { store, output, place, prefix } = invocation;
  if (options.html !== undefined) await checkOutputFile(options.html);
  const tally = new Tally();
  for await (const item of readWithProgress(invocation, options)) {
    if (item.kind === 'marker') tally.strayMarkers++;
    else if (item.kind === 'trial') tally.trialObjects++;
    else if (item.kind === 'foreign') tally.foreignObjects++;
    else tally.add(item, store.nowMs);
  }
  const madeMs = store.nowMs;
  const facts = { place, prefix, madeMs, top: options.top };
  if (options.html !== undefined) await writePage(options.html, htmlPage(tally, facts));
  if (output.json) await writeJson(output, jsonOf(tally, facts));
  else await writeText(output, tally, facts);
  if (options.html !== undefined) output.note(`The page was written to ${options.html}.`);
}

/** Codes of errors after which a file has only a part of its content: the disk or a quota is full. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

async function writePage(file: string, page: string): Promise<void> {
  try {
    await writeFile(file, page);
  } catch (error) {
    // A part of a page is of no use, and fills the disk
    const isCut = FULL.has((error as NodeJS.ErrnoException).code ?? '') && (await lstat(file)).isFile();
    if (isCut) await rm(file, { force: true });
    throw unwritableTarget(file, error);
  }
}

function jsonOf(tally: Tally, { place, prefix, madeMs, top }: StatsFacts) {
  const groups = (kind: GroupKind) =>
    tally.largest(kind, top).map(({ lastUseMs, ...group }) => ({
      ...group,
      lastUsedAt: isoTime(lastUseMs),
    }));
  return {
    place,
    prefix,
    madeAt: new Date(madeMs).toISOString(),
    ...tally.all,
    withNotedUse: tally.marked,
    withUnknownTime: tally.unknownTime,
    strayMarkers: tally.strayMarkers,
    trialObjects: tally.trialObjects,
    foreignObjects: tally.foreignObjects,
    // The caches that `prune --unused` deletes, by the number of days
    unusedFor: tally.unused,
    ages: tally.ages,
    lastUses: tally.lastUses,
    repositories: groups('repositories'),
    scopes: groups('scopes'),
    keyPrefixes: groups('keyPrefixes'),
  };
}
