import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { engineOptions } from '../../action/backend/open-backend.ts';
import type { PathLayout } from '../../archive/fs/paths/layout.ts';
import { Anchor, parseStoredName } from '../../archive/fs/paths/stored-name.ts';
import { JobRecords } from '../../records/job-records.ts';
import { countOf, formatBytes, formatDuration } from '../../report/units.ts';
import type { Invocation } from '../invocation.ts';
import { checkOutputDirectory } from '../output/check-target.ts';
import { writeJson } from '../output/json.ts';
import { loadRestoreEngine } from './engine.ts';
import { awaitArchive, findCache, toFound } from './find-cache.ts';
import { jsonRow } from './list.ts';
import type { Filter } from './select.ts';

/** Restores a cache into a directory, with the engine of the action: each frame is verified, and files appear whole. */
export async function getCache(
  invocation: Invocation,
  filter: Filter,
  key: string,
  directory: string,
): Promise<void> {
  const { store, output, log, signal } = invocation;
  const startedMs = performance.now();
  await checkOutputDirectory(directory);
  const entry = await findCache(invocation, key, filter);
  const found = toFound(entry);
  const engine = await loadRestoreEngine();
  const archive = await awaitArchive(entry, engine.openObject(store, found, signal));
  const target = path.resolve(directory);
  const progress = output.progress(`Restoring ${formatBytes(found.sizeBytes)}`);
  let received = 0;
  let total = '';
  const restoring = engine
    .restoreObject(
      store,
      found,
      {
        primaryKey: key,
        restoreKeys: [],
        paths: archive.manifest.head.paths,
        crossOs: false,
        version: entry.version,
        places: [],
        // A read by an operator is not noted as use
        markerName: () => undefined,
        layout: createDirectoryLayout(target, name => engine.hasEntry(archive.manifest.entries, name)),
        includedPaths: () => [],
        runLabel: `0-${randomBytes(4).toString('hex')}`,
        isWarm: false,
        savesLater: false,
        signal,
      },
      {
        ...engineOptions(),
        log,
        // Outside of a job no later step needs records
        records: new JobRecords(undefined, log),
        progress: {
          add(bytes) {
            received += bytes;
            progress.update(`Restoring: ${formatBytes(received)}${total}`);
          },
          expect(furtherBytes) {
            total = ` of ${formatBytes(received + furtherBytes)}`;
          },
        },
      },
    )
    .finally(() => progress.end());
  const { entries, rawBytes } = await awaitArchive(entry, restoring);
  if (output.json) {
    await writeJson(output, { ...jsonRow(entry), directory: target, entries, fileBytes: rawBytes });
    return;
  }
  const duration = formatDuration(performance.now() - startedMs);
  await output.lines(
    `Restored ${countOf(entries, 'entry', 'entries')} (${formatBytes(rawBytes)}) of '${entry.key}' to ${target} in ${duration}.`,
  );
}

/** Directory of the entries whose stored names have an anchor. */
const PLACES = { [Anchor.workspace]: '', [Anchor.home]: '_home', [Anchor.root]: '_root' };

/**
 * Creates the layout that maps an archive into one directory: files of the workspace directly, files of the home directory below
 * `_home`, and absolute paths below `_root` (`C:/tools` is `_root/C/tools`). `permits` returns whether the archive has an entry
 * of this name: the engine checks that such names have no `..`.
 */
export function createDirectoryLayout(
  directory: string,
  permits: (storedName: string) => boolean,
): PathLayout {
  return {
    hasExclusions: false,
    toAbsolute(stored) {
      const { anchor, start, below } = parseStoredName(stored, true);
      const drive = start.endsWith(':/') ? start[0]! : '';
      return path.join(directory, PLACES[anchor], drive, below);
    },
    toStored(absolute) {
      return `./${path.relative(directory, absolute).replaceAll(path.sep, '/')}`;
    },
    permits,
    dependsOnMachine: () => false,
    excludes: () => false,
    followsLink: () => false,
    roots: async () => [],
  };
}
