import { type Entry, EntryType, type Manifest } from '../../archive/format/entry.ts';
import { countOf, formatAge, formatBytes, formatCount } from '../../report/units.ts';
import type { Invocation } from '../invocation.ts';
import { writeJson } from '../output/json.ts';
import { writeTable } from '../output/table.ts';
import { loadRestoreEngine, loadSaveEngine } from './engine.ts';
import { awaitArchive, findCache, toFound } from './find-cache.ts';
import { jsonRow } from './list.ts';
import { type Filter, FirstOf } from './select.ts';

interface ShowOptions extends Filter {
  /** Number of largest files to show. */
  readonly files: number;
}

/** Shows a cache: its object, its manifest and its largest files. Reads no data of the archive. */
export async function showCache(invocation: Invocation, options: ShowOptions, key: string): Promise<void> {
  const { store, output, signal } = invocation;
  const entry = await findCache(invocation, key, options);
  const [{ openObject }, { regionUsage }] = await Promise.all([loadRestoreEngine(), loadSaveEngine()]);
  const opened = openObject(store, toFound(entry), signal);
  const { manifest, manifestBytes } = await awaitArchive(entry, opened);
  const { head, frames } = manifest;
  const { regionBytes, deadBytes } = regionUsage(manifest);
  const archive = {
    ...contentOf(manifest),
    frames: frames.length,
    manifestBytes: manifestBytes.length,
    dataBytes: regionBytes,
    // This is an estimate, because frames are compressed as a whole
    deadBytes: Math.round(deadBytes),
    generations: countGenerations(manifest),
  };
  const largest = largestFiles(manifest.entries, options.files);
  if (output.json) {
    const { tool, platform, paths, origin } = head;
    await writeJson(output, {
      ...jsonRow(entry),
      tool,
      platform,
      paths,
      origin,
      archive,
      largestFiles: largest.map(({ name, size }) => ({ name, bytes: size })),
    });
    return;
  }
  const { nowMs } = store;
  const { object, marker } = entry;
  const time = (ms: number | undefined) =>
    ms === undefined ? 'not known' : `${new Date(ms).toISOString()} (${formatAge(nowMs - ms)} ago)`;
  const { files, directories, symlinks, hardLinks, fileBytes } = archive;
  const rows: (readonly [string, string])[] = [
    ['key', entry.key],
    ['repository', entry.repository === '' ? '- (shared by all)' : entry.repository],
    ['scope', entry.scope],
    ['object', object.name],
    ['size', `${formatBytes(object.sizeBytes)} (${formatCount(object.sizeBytes)} bytes)`],
    ['saved', time(object.modifiedMs)],
    ['last use', marker === undefined ? 'none noted' : time(marker.modifiedMs)],
    ['saved by', `${head.tool} on ${head.platform}`],
    ...Object.entries(head.origin).map(([name, value]) => [`run: ${name}`, value] as const),
    ...head.paths.map(line => ['path', line] as const),
    [
      'entries',
      [
        countOf(files, 'file'),
        countOf(directories, 'directory', 'directories'),
        countOf(symlinks, 'symlink'),
        countOf(hardLinks, 'hard link'),
      ].join(', '),
    ],
    ['files', `${formatBytes(fileBytes)}, stored in ${formatBytes(archive.dataBytes)}`],
    ['frames', formatCount(archive.frames)],
    ['generations', archive.generations === 1 ? '1' : `${archive.generations} or more`],
    ['unused', `about ${formatBytes(archive.deadBytes)} of earlier generations`],
    ['manifest', formatBytes(archive.manifestBytes)],
  ];
  await writeTable(output, [], rows);
  if (largest.length === 0) return;
  await output.lines('');
  await writeTable(
    output,
    [{ title: 'LARGEST FILES' }, { title: 'SIZE', align: 'right' }],
    largest.map(({ name, size }) => [name, formatBytes(size)]),
  );
}

function contentOf({ entries }: Manifest) {
  const count = (type: EntryType) => entries.reduce((sum, entry) => sum + (entry.type === type ? 1 : 0), 0);
  return {
    entries: entries.length,
    files: count(EntryType.file),
    directories: count(EntryType.directory),
    symlinks: count(EntryType.symlink),
    hardLinks: count(EntryType.hardLink),
    fileBytes: entries.reduce((sum, { size }) => sum + size, 0),
  };
}

/**
 * Returns the number of saves whose data is still in use, as far as the order of the frames shows it. A save writes its frames in
 * the order of its entries, and an incremental save appends its frames to the earlier ones.
 */
function countGenerations({ entries, frames }: Manifest): number {
  // For each frame the first and last entry whose data begins in it, -1 if there is none
  const firstEntry = new Int32Array(frames.length).fill(-1);
  const lastEntry = new Int32Array(frames.length).fill(-1);
  for (const [index, { frame, size }] of entries.entries()) {
    if (size === 0 || frame < 0 || frame >= frames.length) continue;
    if (firstEntry[frame] === -1) firstEntry[frame] = index;
    lastEntry[frame] = index;
  }
  let generations = 1;
  let last = -1;
  for (const [frame, first] of firstEntry.entries()) {
    if (first === -1) continue;
    if (first < last) generations++;
    last = lastEntry[frame]!;
  }
  return generations;
}

/** Returns the largest files, the largest first. */
function largestFiles(entries: readonly Entry[], count: number): readonly Entry[] {
  const largest = new FirstOf<Entry>(count, (a, b) => b.size - a.size);
  for (const entry of entries) if (entry.size > 0) largest.add(entry);
  return largest.toSorted();
}
