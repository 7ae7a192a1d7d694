import { DamagedArchiveError, UnusableArchiveError } from '../archive/archive-errors.ts';
import type { OpenArchive } from '../archive/format/open-archive.ts';
import { literal } from '../cache/cache-patterns.ts';
import { type CacheEntry, readInventory } from '../cache/inventory.ts';
import { cachesRoot } from '../cache/keys/cache-names.ts';
import { formatAge, formatBytes, formatCount } from '../report/units.ts';
import { ObjectReplacedError } from '../storage/store-errors.ts';
import { loadRestoreEngine, type RestoreEngine } from './engine.ts';
import { foundObject } from './find-cache.ts';
import { createDirectoryLayout } from './get.ts';
import { CommandError, type Invocation } from './invocation.ts';
import { jsonRow } from './list.ts';
import { writeJson } from './output/json.ts';
import { type Filter, matchesFilter } from './select.ts';

export interface VerifyOptions extends Filter {
  /** Caches that are read at the same time. */
  readonly parallel: number;
  /** Check the manifests, and do not read the frames. */
  readonly manifests?: boolean | undefined;
}

/** An upload of a running save may be as old as the longest job; an older one is of a job that was killed. */
const STALE_UPLOAD_MS = 24 * 60 * 60 * 1000;
/** Rows of one kind in the report. */
const MAX_ROWS = 10_000;

/** The result of one cache. */
type Check =
  | { readonly kind: 'whole'; readonly bytes: number }
  | { readonly kind: 'damaged' | 'unreadable'; readonly entry: CacheEntry; readonly reason: string }
  /** Replaced or deleted while it was read. */
  | { readonly kind: 'changed' };

/**
 * Verifies caches: the manifest of each, and every frame against its SHA-256. Reports markers without a cache, unfinished
 * uploads older than a day, and objects of other programs. Throws `CommandError` if a cache is damaged.
 */
export async function verifyCaches(invocation: Invocation, options: VerifyOptions): Promise<void> {
  const { store, prefix, output, signal } = invocation;
  const engine = await loadRestoreEngine();
  const nowMs = Date.now();
  const report = {
    caches: 0,
    bytes: 0,
    damaged: [] as ReturnType<typeof describeDamage>[],
    unreadable: [] as ReturnType<typeof describeDamage>[],
    changedMeanwhile: 0,
    strayMarkers: [] as string[],
    unfinishedUploads: [] as { readonly object: string; readonly begunAt: string }[],
    foreignObjects: [] as string[],
  };
  const add = (list: string[], name: string) => {
    if (list.length < MAX_ROWS) list.push(name);
  };
  async function* selected() {
    const place = { repository: literal(options.repository), scope: literal(options.scope) };
    for await (const item of readInventory(store, { prefix, ...place, signal })) {
      if (item.kind === 'marker') add(report.strayMarkers, item.object.name);
      else if (item.kind === 'foreign') add(report.foreignObjects, item.object.name);
      else if (matchesFilter(item, options, nowMs)) yield item;
    }
  }
  const progress = output.progress('Verifying');
  let [received, damaged] = [0, 0];
  const onBytes = (count: number) => {
    received += count;
    progress.update(`Verified ${formatCount(report.caches)} caches, ${formatBytes(received)}`);
  };
  try {
    const checks = engine.mapInOrder(selected(), options.parallel, entry =>
      checkCache(engine, invocation, entry, { manifestOnly: options.manifests === true, onBytes }),
    );
    for await (const check of checks) {
      report.caches++;
      onBytes(0);
      if (check.kind === 'whole') report.bytes += check.bytes;
      else if (check.kind === 'changed') report.changedMeanwhile++;
      else {
        if (check.kind === 'damaged') damaged++;
        if (report[check.kind].length === MAX_ROWS) continue;
        const damage = describeDamage(check.entry, check.reason);
        report[check.kind].push(damage);
        if (!output.json) await output.line(`${check.kind}: ${damage.object}: ${damage.reason}`);
      }
    }
    const root = cachesRoot(prefix);
    for await (const { name, begunMs } of store.unfinishedUploads(root, STALE_UPLOAD_MS, { signal })) {
      if (report.unfinishedUploads.length === MAX_ROWS) break;
      report.unfinishedUploads.push({ object: name, begunAt: new Date(begunMs).toISOString() });
    }
  } finally {
    progress.end();
  }
  if (output.json) await writeJson(output, report);
  else await writeReport(invocation, report, options, nowMs);
  if (damaged > 0) {
    throw new CommandError(
      `${formatCount(damaged)} of ${formatCount(report.caches)} caches ${damaged === 1 ? 'is' : 'are'} damaged: a restore treats them as misses, and the next save replaces them.`,
    );
  }
}

function describeDamage(entry: CacheEntry, reason: string) {
  return { ...jsonRow(entry), reason };
}

interface Report {
  readonly caches: number;
  readonly bytes: number;
  readonly unreadable: readonly unknown[];
  readonly changedMeanwhile: number;
  readonly strayMarkers: readonly string[];
  readonly unfinishedUploads: readonly { readonly object: string; readonly begunAt: string }[];
  readonly foreignObjects: readonly string[];
}

async function writeReport(
  { output }: Invocation,
  report: Report,
  { manifests }: VerifyOptions,
  nowMs: number,
): Promise<void> {
  const { caches, bytes, unreadable, changedMeanwhile } = report;
  for (const name of report.strayMarkers) await output.line(`marker without a cache: ${name}`);
  for (const { object, begunAt } of report.unfinishedUploads) {
    await output.line(`unfinished upload, ${formatAge(nowMs - Date.parse(begunAt))} old: ${object}`);
  }
  for (const name of report.foreignObjects) await output.line(`object of another program: ${name}`);
  await output.line(
    `Verified ${manifests ? 'the manifests' : 'every frame'} of ${formatCount(caches)} caches (${formatBytes(bytes)}).`,
  );
  if (unreadable.length > 0)
    await output.line(`${formatCount(unreadable.length)} of them need another release or machine.`);
  if (changedMeanwhile > 0) await output.line(`${formatCount(changedMeanwhile)} were replaced meanwhile.`);
}

async function checkCache(
  engine: RestoreEngine,
  { store, signal }: Invocation,
  entry: CacheEntry,
  { manifestOnly, onBytes }: { readonly manifestOnly: boolean; readonly onBytes: (count: number) => void },
): Promise<Check> {
  try {
    const archive = await engine.openObject(store, foundObject(entry), signal);
    const { manifest, manifestStart } = archive;
    const permits = (name: string) => engine.hasEntry(manifest.entries, name);
    await engine.validate(manifest, manifestStart, createDirectoryLayout('/', permits), signal);
    if (manifestOnly) return { kind: 'whole', bytes: entry.object.sizeBytes };
    for (const run of engine.groupFrames(manifest.frames, () => true)) {
      signal.throwIfAborted();
      const bytes = await readRun(entry, archive, run, { store, signal, onBytes });
      for (const [at, frame] of run.frames.entries()) {
        const start = run.starts[at]! - run.start;
        const { size, sha256: expected } = manifest.frames[frame]!;
        if (!engine.sha256(bytes.subarray(start, start + size)).equals(expected)) {
          throw new DamagedArchiveError(
            `frame ${frame + 1} of ${manifest.frames.length} has a wrong SHA-256`,
          );
        }
      }
      engine.releaseOwned(bytes);
    }
    return { kind: 'whole', bytes: entry.object.sizeBytes };
  } catch (error) {
    if (error instanceof DamagedArchiveError) return { kind: 'damaged', entry, reason: error.message };
    if (error instanceof UnusableArchiveError) return { kind: 'unreadable', entry, reason: error.message };
    if (error instanceof ObjectReplacedError) return changedOrDamaged(store, entry, signal);
    throw error;
  }
}

/** An object that is listed and has no data is damaged (ceph/ceph#60771). */
async function changedOrDamaged(
  store: Invocation['store'],
  entry: CacheEntry,
  signal: AbortSignal,
): Promise<Check> {
  const present = await store.head(entry.object.name, { signal });
  if (present?.etag !== entry.object.etag) return { kind: 'changed' };
  return { kind: 'damaged', entry, reason: 'the store lists it, but returns no data' };
}

async function readRun(
  { object: { name, etag } }: CacheEntry,
  { tail }: OpenArchive,
  { start, end }: { readonly start: number; readonly end: number },
  { store, ...options }: Pick<Invocation, 'store' | 'signal'> & { readonly onBytes: (count: number) => void },
): Promise<Uint8Array<ArrayBuffer>> {
  if (start >= tail.start) return tail.bytes.slice(start - tail.start, end - tail.start);
  const answer = await store.getRange(name, { start, end }, { ...options, etag });
  if (answer?.bytes.length !== end - start)
    throw new DamagedArchiveError('it ends before the data that its manifest names');
  return answer.bytes;
}
