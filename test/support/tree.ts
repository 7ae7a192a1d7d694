/** Builds directory trees for tests, and describes trees so that two of them can be compared exactly. */

import { createHash } from 'node:crypto';
import { type BigIntStats, createReadStream, lutimesSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { fileTimes, splitMtime } from '../../src/archive/fs/file-times.ts';
import { anyNames, readOnlyTimes, skipWithout } from './platform-needs.ts';

/** Attributes of all kinds of entries. `mtime` in microseconds since 1970. */
interface Attributes {
  readonly mode?: number;
  readonly mtime?: number | Date;
}

type NodeSpec =
  /** A file with this content. */
  | string
  | Uint8Array
  | ({ readonly content: string | Uint8Array } & Attributes)
  /** A symbolic link. The target need not exist, and may have the form `hex:` as names do. */
  | ({ readonly symlink: string } & Pick<Attributes, 'mtime'>)
  /** A second name of another file of the tree. */
  | { readonly hardlink: string }
  | ({ readonly directory: true } & Attributes);

/**
 * Maps paths below the root, with `/`, to entries. Parent directories are created. A path that is not UTF-8 is `hex:` and
 * the hex digits of its bytes, as in `describeTree`.
 */
export type TreeSpec = Readonly<Record<string, NodeSpec>>;

/**
 * An entry of `describeTree`. Sizes in bytes. `mtime` in microseconds since 1970, as it is after a restore: Node
 * cannot set every time.
 */
export interface TreeEntry {
  readonly type: 'file' | 'directory' | 'symlink' | 'other';
  readonly mode: number;
  readonly mtime: number;
  readonly size?: number;
  readonly sha256?: string;
  readonly target?: string;
  /** All names of a file with several names in this tree, in byte order. */
  readonly names?: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

export type TreeDescription = Readonly<Record<string, TreeEntry>>;

interface DescribeOptions {
  /** Adds uid and gid. */
  readonly owners?: boolean;
  /** Sets an mtime to 0: a restore to an existing directory changes that directory's time. */
  readonly ignoreMtime?: (name: string, type: TreeEntry['type']) => boolean;
  /** Adds the root itself as `.`. */
  readonly root?: boolean;
}

/**
 * Builds `spec` below `root`, which is created if it is missing. Resolves to `root`. Skips the test if the system cannot
 * have such a tree.
 */
export async function buildTree(root: string, spec: TreeSpec): Promise<string> {
  const specs = Object.values(spec);
  if (specs.some(isReadOnlyFile)) skipWithout(readOnlyTimes);
  if (Object.keys(spec).some(name => RESERVED.test(name.replace(/^hex:/, '')))) skipWithout(anyNames);
  await fs.mkdir(root, { recursive: true });
  const nodes = Object.entries(spec).map(([name, node]) => ({ name, at: join(root, toBytes(name)), node }));
  for (const { at, node } of nodes) await create(at, node);
  for (const { at, node } of nodes) {
    if (isHardlink(node)) await fs.link(pathOf(join(root, toBytes(node.hardlink))), pathOf(at));
  }
  for (const { at, node } of nodes) if (!isDirectory(node)) await applyAttributes(at, node);
  // Deepest first: a new entry changes the mtime of its directory, and a read-only directory accepts none
  const directories = nodes.filter(({ node }) => isDirectory(node));
  for (const { at, node } of directories.sort((a, b) => b.at.length - a.at.length))
    await applyAttributes(at, node);
  return root;
}

async function create(at: Buffer, node: NodeSpec): Promise<void> {
  const isPlain = typeof node === 'string' || node instanceof Uint8Array;
  if (!isPlain && 'directory' in node) return void (await fs.mkdir(pathOf(at), { recursive: true }));
  const parent = at.subarray(0, at.lastIndexOf(0x2f));
  await fs.mkdir(pathOf(parent), { recursive: true });
  if (isPlain) await fs.writeFile(pathOf(at), node);
  else if ('content' in node) await fs.writeFile(pathOf(at), node.content);
  else if ('symlink' in node) await fs.symlink(pathOf(toBytes(node.symlink)), pathOf(at));
}

async function applyAttributes(at: Buffer, node: NodeSpec): Promise<void> {
  if (typeof node === 'string' || node instanceof Uint8Array || 'hardlink' in node) return;
  if ('mode' in node && node.mode !== undefined) await fs.chmod(pathOf(at), node.mode);
  if (node.mtime === undefined) return;
  setMtime(pathOf(at), node.mtime instanceof Date ? node.mtime.getTime() * 1000 : node.mtime);
}

/** Sets the time of a file, directory or link itself, in microseconds since 1970. */
export function setMtime(at: string | Buffer, mtimeUs: number): void {
  // Node sets times as doubles: the middle of a microsecond reads back as that microsecond
  const seconds = mtimeUs % 1_000_000 === 0 ? mtimeUs / 1_000_000 : (mtimeUs + 0.5) / 1_000_000;
  lutimesSync(at, seconds, seconds);
}

/**
 * Describes all entries below `root` (without `root` itself), by path with `/`, in byte order. Two trees are the same if
 * their descriptions are deeply equal. Follows no symlink.
 */
export async function describeTree(root: string, options: DescribeOptions = {}): Promise<TreeDescription> {
  const found = new Map<string, { stats: BigIntStats; at: Buffer }>();
  if (options.root) found.set('.', { stats: await fs.lstat(root, { bigint: true }), at: Buffer.from(root) });
  await walk(Buffer.from(root), Buffer.alloc(0), found);
  const groups = hardlinkGroups(found);
  const description: Record<string, TreeEntry> = {};
  for (const [name, { stats, at }] of found) {
    description[name] = await describe(name, at, stats, groups.get(inode(stats)) ?? [], options);
  }
  return description;
}

async function walk(
  directory: Buffer,
  below: Buffer,
  found: Map<string, { stats: BigIntStats; at: Buffer }>,
): Promise<void> {
  const names = await fs.readdir(pathOf(directory), { encoding: 'buffer' });
  for (const name of names.sort(Buffer.compare)) {
    const at = join(directory, name);
    const relative = below.length === 0 ? name : join(below, name);
    const stats = await fs.lstat(pathOf(at), { bigint: true });
    found.set(toName(relative), { stats, at });
    if (stats.isDirectory()) await walk(at, relative, found);
  }
}

async function describe(
  name: string,
  at: Buffer,
  stats: BigIntStats,
  names: readonly string[],
  options: DescribeOptions,
): Promise<TreeEntry> {
  const type = typeOf(stats);
  const common = {
    type,
    mode: Number(stats.mode & 0o7777n),
    mtime: options.ignoreMtime?.(name, type) ? 0 : fileTimes.toRestored(splitMtime(stats.mtimeNs)).mtimeUs,
    ...(options.owners && { uid: Number(stats.uid), gid: Number(stats.gid) }),
  };
  if (type === 'symlink')
    return { ...common, target: toName(await fs.readlink(pathOf(at), { encoding: 'buffer' })) };
  if (type !== 'file') return common;
  return {
    ...common,
    size: Number(stats.size),
    sha256: await sha256(at),
    ...(names.length > 1 && { names }),
  };
}

function typeOf(stats: BigIntStats): TreeEntry['type'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}

function hardlinkGroups(found: ReadonlyMap<string, { stats: BigIntStats }>): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, { stats }] of found) {
    if (!stats.isFile() || stats.nlink === 1n) continue;
    const group = groups.get(inode(stats));
    if (group) group.push(name);
    else groups.set(inode(stats), [name]);
  }
  return groups;
}

const inode = (stats: BigIntStats) => `${stats.dev}:${stats.ino}`;

async function sha256(file: Buffer): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(pathOf(file))) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Characters that Windows reserves. */
const RESERVED = /[<>:"\\|?*\0-\x1f]/;

const isDirectory = (node: NodeSpec) => typeof node === 'object' && 'directory' in node;

function isReadOnlyFile(node: NodeSpec): boolean {
  return (
    typeof node === 'object' && 'content' in node && node.mode !== undefined && (node.mode & 0o222) === 0
  );
}

function isHardlink(node: NodeSpec): node is { hardlink: string } {
  return typeof node === 'object' && 'hardlink' in node;
}

/** Node makes a string a path without a limit of length on Windows, a buffer not. Names are UTF-16 there. */
function pathOf(at: Buffer): string | Buffer {
  return process.platform === 'win32' ? at.toString() : at;
}

function join(directory: string | Buffer, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(directory), Buffer.from('/'), name]);
}

function toBytes(name: string): Buffer {
  return name.startsWith('hex:') ? Buffer.from(name.slice(4), 'hex') : Buffer.from(name);
}

function toName(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : `hex:${bytes.toString('hex')}`;
}

/** Returns a line for each name whose entries are not equal: `name is ..., not ...`. */
export function treeDifferences(
  actual: Readonly<Record<string, unknown>>,
  expected: Readonly<Record<string, unknown>>,
): string[] {
  const names = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  return [...names]
    .filter(name => !isDeepStrictEqual(actual[name], expected[name]))
    .map(name => `${name} is ${JSON.stringify(actual[name])}, not ${JSON.stringify(expected[name])}`);
}

/** Removes a tree, also one with read-only directories if the caller is not root. */
export async function deleteTree(root: string): Promise<void> {
  const openUp = async (directory: string): Promise<void> => {
    await fs.chmod(directory, 0o700);
    for (const entry of await fs.readdir(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) await openUp(path.join(directory, entry.name));
    }
  };
  if (process.getuid?.() !== 0) await openUp(root).catch(() => undefined);
  await fs.rm(root, { recursive: true, force: true, maxRetries: 3 });
}
