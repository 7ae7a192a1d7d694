import { posix } from 'node:path';
import type { PathLayout } from '../../src/archive/fs/paths/layout.ts';
import type { Log } from '../../src/report/log.ts';
import type { KeyPlace, LookupRequest, RestoreRequest, SaveRequest } from '../../src/storage/backend.ts';

/** Requests to a StorageBackend. A test gives only the fields that matter to it. */

const place: KeyPlace = {
  label: 'repository',
  objectName: key => `v1/o/r/_/${key}/0.tar.zst`,
  listPrefix: prefix => `v1/o/r/_/${prefix}`,
  root: 'v1/o/r/_/',
  parse: () => undefined,
};

const layout: PathLayout = {
  toStored: absolute => absolute,
  toAbsolute: stored => posix.resolve(stored),
  permits: () => true,
  dependsOnMachine: () => false,
  hasExclusions: false,
  excludes: () => false,
  followsLink: () => false,
  roots: async () => [],
};

export function createLookupRequest(overrides: Partial<LookupRequest> = {}): LookupRequest {
  return {
    primaryKey: 'key',
    restoreKeys: [],
    paths: ['tree'],
    crossOs: false,
    version: '0'.repeat(64),
    places: [],
    markerName: () => undefined,
    ...overrides,
  };
}

export function createRestoreRequest(overrides: Partial<RestoreRequest> = {}): RestoreRequest {
  return {
    ...createLookupRequest(),
    layout,
    includedPaths: () => ['./tree'],
    runLabel: '1-00000000',
    isWarm: false,
    savesLater: false,
    ...overrides,
  };
}

export function createSaveRequest(overrides: Partial<SaveRequest> = {}): SaveRequest {
  return {
    key: 'key',
    paths: ['tree'],
    crossOs: false,
    version: '0'.repeat(64),
    place,
    layout,
    compressionLevel: 3,
    overwrite: false,
    damaged: undefined,
    base: undefined,
    uploadChunkSizeBytes: undefined,
    origin: {},
    ...overrides,
  };
}

/** A log that keeps its messages as `level: message`. */
export function recordingLog(): Log & { readonly lines: string[]; readonly shown: string[] } {
  const lines: string[] = [];
  const keep = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  return {
    lines,
    get shown() {
      return lines.filter(line => !line.startsWith('debug: '));
    },
    debug: keep('debug'),
    info: keep('info'),
    notice: keep('notice'),
    warning: keep('warning'),
    startGroup: keep('group'),
    endGroup() {},
  };
}
