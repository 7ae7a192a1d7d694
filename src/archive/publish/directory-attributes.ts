import { type BigIntStats, chmodSync, chownSync, lstatSync, utimesSync } from 'node:fs';
import { fsPath } from '../fs/names.ts';
import { type Platform, thisPlatform, toFileTime, toMicroseconds } from '../fs/platform.ts';

/** What a directory has to get back after something was built in it or moved through it. */
export interface DirectoryAttributes {
  readonly mode: number;
  readonly mtimeUs: number;
}

/** What an archive says of a file or directory; `uid` of -1: its owner is not kept. */
export interface OwnedAttributes extends DirectoryAttributes {
  readonly uid: number;
  readonly gid: number;
}

export function attributesOf(path: string): DirectoryAttributes {
  return attributesIn(lstatSync(fsPath(path), { bigint: true }));
}

/** undefined: no directory stands there. By one look, as another job may take it away at any moment. */
export function attributesOfDirectory(path: string): DirectoryAttributes | undefined {
  const stats = lstatSync(fsPath(path), { bigint: true, throwIfNoEntry: false });
  return stats?.isDirectory() ? attributesIn(stats) : undefined;
}

export function attributesIn(stats: BigIntStats): DirectoryAttributes {
  return { mode: Number(stats.mode) & 0o7777, mtimeUs: toMicroseconds(stats.mtimeNs) };
}

/** Mode and times of what is at `path`, and its owner where one is given and can be. */
export function applyAttributes(
  path: string,
  attributes: DirectoryAttributes | OwnedAttributes,
  platform: Platform = thisPlatform,
): void {
  if (platform.keepsOwners && 'uid' in attributes && attributes.uid >= 0)
    chownSync(fsPath(path), attributes.uid, attributes.gid);
  if (platform.hasModes) chmodSync(fsPath(path), attributes.mode);
  utimesSync(fsPath(path), Date.now() / 1000, toFileTime(attributes.mtimeUs));
}

export function sameAttributes(a: DirectoryAttributes, b: DirectoryAttributes): boolean {
  return a.mode === b.mode && a.mtimeUs === b.mtimeUs;
}
