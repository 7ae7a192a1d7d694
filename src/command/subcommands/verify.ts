import { DamagedArchiveError, UnusableArchiveError } from '../../archive/archive-errors.ts';
import { placeOfPatterns } from '../../cache/cache-patterns.ts';
import type { CacheEntry } from '../../cache/inventory.ts';
import { cachesRoot } from '../../cache/keys/cache-names.ts';
import { countOf, formatAge, formatBytes, formatCount } from '../../report/units.ts';
import { STALE_UPLOAD_MS } from '../../storage/object-store.ts';
import { ObjectReplacedError, StoreRefusedError } from '../../storage/store-errors.ts';
import { CommandError } from '../command-error.ts';
import type { Invocation } from '../invocation.ts';
import { writeJson } from '../output/json.ts';
import { loadRestoreEngine, type RestoreEngine } from './engine.ts';
import { toFound } from './find-cache.ts';
import { createDirectoryLayout } from './get.ts';
import { jsonRow } from './list.ts';
import { type Filter, readSelected } from './select.ts';

interface VerifyOptions extends Filter {
  /** Caches that are read at the same time. */
  readonly parallel: number;
  /** Whether only the manifests are checked, and no frames are read. */
  readonly manifests?: boolean | undefined;
}

/** Maximum number of rows of one kind in the report. */
const MAX_ROWS = 10_000;

/** The result of the check of one cache. */
type CheckResult =
  | { readonly kind: 'whole'; readonly bytes: number }
  | { readonly kind: 'damaged' | 'unreadable'; readonly entry: CacheEntry; readonly reason: string }
  /** The cache was replaced or deleted while it was read. */
  | { readonly kind: 'changed' };

type Damage = ReturnType<typeof jsonRow> & { readonly reason: string };
type StaleUpload = { readonly object: string; readonly begunAt: string };

type VerifyReport = ReturnType<typeof createReport>;

/** Creates the JSON document. Lists have at most `MAX_ROWS` rows. */
function createReport() {
  return {
    caches: 0,
    bytes: 0,
    damaged: [] as Damage[],
    /** Caches that need another release or machine. */
    unreadable: [] as Damage[],
    changedMeanwhile: 0,
    strayMarkers: [] as string[],
    /** Old uploads. Undefined if the credentials do not allow listing them. */
    unfinishedUploads: [] as readonly StaleUpload[] | undefined,
    /** Objects of `cache-s3 doctor`. */
    trialObjects: [] as string[],
    foreignObjects: [] as string[],
  };
}

/**
 * Verifies caches: the manifest of each, and every frame against its SHA-256. Reports markers without a cache, unfinished
 * uploads older than a day, and objects of other programs. Throws `CommandError` if a cache is damaged.
 */
export async function verifyCaches(invocation: Invocation, options: VerifyOptions): Promise<void> {
  const { output } = invocation;
  const engine = await loadRestoreEngine();
  const report = createReport();
  const { strayMarkers: marker, trialObjects: trial, foreignObjects: foreign } = report;
  const others = { marker, trial, foreign };
  async function* selected() {
    for await (const item of readSelected(invocation, options)) {
      if (item.kind === 'cache') yield item;
      else if (others[item.kind].length < MAX_ROWS) others[item.kind].push(item.object.name);
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
      checkCache(engine, invocation, entry, { skipsFrames: options.manifests === true, onBytes }),
    );
    for await (const check of checks) {
      report.caches++;
      onBytes(0);
      if (check.kind === 'whole') report.bytes += check.bytes;
      else if (check.kind === 'changed') report.changedMeanwhile++;
      else {
        if (check.kind === 'damaged') damaged++;
        if (report[check.kind].length === MAX_ROWS) continue;
        const { kind, entry, reason } = check;
        report[kind].push({ ...jsonRow(entry), reason });
        if (!output.json) await output.lines(`${kind}: ${entry.object.name}: ${reason}`);
      }
    }
    report.unfinishedUploads = await findStaleUploads(invocation, options);
  } finally {
    progress.end();
  }
  if (output.json) await writeJson(output, report);
  else await writeReport(invocation, report, options);
  if (damaged > 0) {
    throw new CommandError(
      `${formatCount(damaged)} of ${formatCount(report.caches)} caches ${damaged === 1 ? 'is' : 'are'} damaged: a restore skips damaged caches, and the next save of their key replaces them.`,
    );
  }
}

/** Returns the unfinished uploads in the place of a filter. Returns undefined if the credentials do not allow listing them. */
async function findStaleUploads(
  { store, prefix, signal }: Invocation,
  filter: Filter,
): Promise<StaleUpload[] | undefined> {
  const { repository, scope } = placeOfPatterns(filter);
  const root = cachesRoot(prefix, repository, scope);
  const found: StaleUpload[] = [];
  try {
    for await (const { name, begunMs } of store.unfinishedUploads(root, STALE_UPLOAD_MS, { signal })) {
      if (found.length === MAX_ROWS) break;
      found.push({ object: name, begunAt: new Date(begunMs).toISOString() });
    }
    return found;
  } catch (error) {
    if (error instanceof StoreRefusedError) return undefined;
    throw error;
  }
}

async function writeReport(
  { output, store }: Invocation,
  report: VerifyReport,
  { manifests }: VerifyOptions,
): Promise<void> {
  const { caches, bytes, unreadable, changedMeanwhile, unfinishedUploads } = report;
  const age = (begunAt: string) => formatAge(store.nowMs - Date.parse(begunAt));
  await output.lines(
    ...report.strayMarkers.map(name => `marker without a cache: ${name}`),
    ...(unfinishedUploads?.map(one => `unfinished upload, ${age(one.begunAt)} old: ${one.object}`) ?? [
      'Unfinished uploads were not listed: the credentials do not allow it.',
    ]),
    ...report.trialObjects.map(name => `trial object of doctor, which prune deletes after a day: ${name}`),
    ...report.foreignObjects.map(name => `object of another program: ${name}`),
    `Verified ${manifests ? 'the manifests' : 'every frame'} of ${countOf(caches, 'cache')} (${formatBytes(bytes)}).`,
  );
  if (unreadable.length > 0)
    await output.lines(
      `${countOf(unreadable.length, 'cache')} cannot be read here: use the release or machine that saved them.`,
    );
  if (changedMeanwhile > 0)
    await output.lines(
      `${countOf(changedMeanwhile, 'cache')} not verified: replaced or deleted during the run, or listed without an object.`,
    );
}

async function checkCache(
  engine: RestoreEngine,
  { store, signal }: Invocation,
  entry: CacheEntry,
  { skipsFrames, onBytes }: { readonly skipsFrames: boolean; readonly onBytes: (count: number) => void },
): Promise<CheckResult> {
  try {
    const found = toFound(entry);
    const { manifest, manifestStart, tail } = await engine.openObject(store, found, signal);
    const permits = (name: string) => engine.hasEntry(manifest.entries, name);
    await engine.validate(manifest, manifestStart, createDirectoryLayout('/', permits), signal);
    if (skipsFrames) return { kind: 'whole', bytes: entry.object.sizeBytes };
    const { read } = engine.createRangeReaders(store, found, signal, onBytes);
    for (const run of engine.groupFrames(manifest.frames, () => true)) {
      signal.throwIfAborted();
      const bytes =
        run.start >= tail.start
          ? tail.bytes.slice(run.start - tail.start, run.end - tail.start)
          : await read(run.start, run.end);
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
    if (!(error instanceof ObjectReplacedError)) throw error;
    const damage = await engine.damageOf(store, entry.object, error, signal);
    return damage ? { kind: 'damaged', entry, reason: damage.message } : { kind: 'changed' };
  }
}
