import { chmodSync, lstatSync, utimesSync } from 'node:fs';
import { fsPath } from '../names.ts';
import { thisPlatform, toFileTime, toMicroseconds } from '../platform.ts';

/** What a directory has to get back after something was built in it or moved through it. */
export interface DirectoryAttributes {
  readonly mode: number;
  readonly mtimeUs: number;
}

export function attributesOf(path: string): DirectoryAttributes {
  const stats = lstatSync(fsPath(path), { bigint: true });
  return { mode: Number(stats.mode) & 0o7777, mtimeUs: toMicroseconds(stats.mtimeNs) };
}

export function applyAttributes(path: string, { mode, mtimeUs }: DirectoryAttributes): void {
  if (thisPlatform.hasModes) chmodSync(fsPath(path), mode);
  utimesSync(fsPath(path), Date.now() / 1000, toFileTime(mtimeUs));
}

export function sameAttributes(a: DirectoryAttributes, b: DirectoryAttributes): boolean {
  return a.mode === b.mode && a.mtimeUs === b.mtimeUs;
}
