import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { MAX_OBJECT_NAME_BYTES } from '../object-store.ts';

/**
 * Maps object names to paths that are different on every file system, also if it folds case or normalises Unicode, and on
 * Windows. The mapping is one-to-one and the same on all platforms, so that a directory can move between hosts.
 *
 * A name is split at `/`. In each component
 * - `a-z 0-9 . _ - = , @ + ^ #` stay, an upper-case letter becomes `!` and the lower-case one (as in Go's module
 *   cache), every other byte of the UTF-8 becomes `%xx`;
 * - a final dot, and the first letter of a device name of Windows, become `%xx`; an empty component is `%_`;
 * - more than 200 bytes are split over several levels (ADR 0017): all but the last end in `%`, all but the first begin
 *   with `+`.
 *
 * A file always ends in `.zst` (`%.zst` is added to any other name), and a directory never does (its `t` becomes `%74`). So the
 * name of an object may be the beginning of another object's name. Files that begin with `%t` are temporary.
 */

/** Longest level of an escaped component in bytes. With the mark of a temporary file it is below 255, the usual limit. */
const LEVEL_BYTES = 200;

const SUFFIX = '.zst';
const ADDED_SUFFIX = '%.zst';
const EMPTY = '%_';
const CONTINUED = '%';
const CONTINUATION = '+';

const DEVICE_NAME = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)/;

const TEMPORARY_MARK = '%t';
/** Length of the mark, 16 hex digits and a comma, before the name of the object's file. */
const MARKED_PREFIX_LENGTH = TEMPORARY_MARK.length + 17;

/** Returns a new name for the temporary file of an object's file, in the same directory. */
export function temporaryFile(file: string): string {
  const random = randomBytes(8).toString('hex');
  return path.join(path.dirname(file), `${TEMPORARY_MARK}${random},${path.basename(file)}`);
}

/** Returns the object's name for a temporary file, or undefined for another file. `levels` are as in `objectName`. */
export function temporaryObjectName(levels: readonly string[]): string | undefined {
  const last = levels.at(-1) ?? '';
  if (!last.startsWith(TEMPORARY_MARK)) return undefined;
  return objectName([...levels.slice(0, -1), last.slice(MARKED_PREFIX_LENGTH)]);
}

/** Replaces the names of temporary files in a text by the names of their objects' files. */
export function withObjectFiles(text: string): string {
  return text.replace(/%t[0-9a-f]{16},/g, '');
}

/** Returns the path of an object's file, relative to the store's root. */
export function objectPath(name: string, platformPath: path.PlatformPath = path): string {
  const components = name.split('/');
  const last = components.length - 1;
  return platformPath.join(
    ...components.flatMap((component, index) =>
      splitLevels(index === last ? escapeLeaf(component) : escapeDirectory(component)),
    ),
  );
}

/** Returns the path of an object's file in the store at `root`. */
export function objectFile(root: string, name: string): string {
  return path.join(root, objectPath(name));
}

/** Returns the directory, relative to the root, that has all objects whose names start with `prefix`. */
export function prefixDirectory(prefix: string): string {
  const components = prefix.split('/').slice(0, -1);
  return path.join('.', ...components.flatMap(component => splitLevels(escapeDirectory(component))));
}

/** Returns the object's name for a file, or undefined for a foreign or temporary file. `levels` are the names in its path. */
export function objectName(levels: readonly string[]): string | undefined {
  const escaped = joinLevels(levels);
  const components = [...escaped.slice(0, -1), withoutAddedSuffix(escaped.at(-1) ?? '')].map(unescapeName);
  if (components.includes(undefined)) return undefined;
  const name = components.join('/');
  // Another spelling is a foreign file, and no object has a longer name
  const isObject =
    Buffer.byteLength(name) <= MAX_OBJECT_NAME_BYTES && objectPath(name, path.posix) === levels.join('/');
  return isObject ? name : undefined;
}

/** Returns whether a directory may have objects whose names start with `prefix`. `levels` are the names in its path. */
export function mayContain(levels: readonly string[], prefix: string): boolean {
  const escaped = joinLevels(levels);
  // The rest of this component is the name of a directory below
  if (escaped.at(-1)?.endsWith(CONTINUED)) escaped.pop();
  const components = escaped.map(unescapeName);
  if (components.includes(undefined)) return false;
  const start = components.map(component => `${component}/`).join('');
  return start.startsWith(prefix) || prefix.startsWith(start);
}

/** Joins the levels of each component. The last component may be incomplete, and then ends in `CONTINUED`. */
function joinLevels(levels: readonly string[]): string[] {
  const components: string[] = [];
  for (const level of levels) {
    const before = components.at(-1);
    if (before?.endsWith(CONTINUED)) {
      components.pop();
      components.push(before.slice(0, -CONTINUED.length) + level.slice(CONTINUATION.length));
    } else components.push(level);
  }
  return components;
}

function escapeLeaf(component: string): string {
  const escaped = escapeName(component);
  return escaped.endsWith(SUFFIX) ? escaped : escaped + ADDED_SUFFIX;
}

function withoutAddedSuffix(escaped: string): string {
  return escaped.endsWith(ADDED_SUFFIX) ? escaped.slice(0, -ADDED_SUFFIX.length) : escaped;
}

function escapeDirectory(component: string): string {
  const escaped = escapeName(component);
  return escaped.endsWith(SUFFIX) ? `${escaped.slice(0, -1)}%74` : escaped;
}

function escapeName(component: string): string {
  if (component === '') return EMPTY;
  let escaped = '';
  for (const byte of Buffer.from(component)) {
    const char = String.fromCharCode(byte);
    if (/[a-z0-9._=,@+^#-]/.test(char)) escaped += char;
    else if (/[A-Z]/.test(char)) escaped += `!${char.toLowerCase()}`;
    else escaped += toHex(byte);
  }
  if (DEVICE_NAME.test(escaped)) escaped = toHex(escaped.charCodeAt(0)) + escaped.slice(1);
  return escaped.endsWith('.') ? `${escaped.slice(0, -1)}%2e` : escaped;
}

function toHex(byte: number): string {
  return `%${byte.toString(16).padStart(2, '0')}`;
}

/** Reverses `escapeName`. Returns undefined for a text that it does not return. */
function unescapeName(escaped: string): string | undefined {
  if (escaped === EMPTY) return '';
  const bytes: number[] = [];
  for (const [whole, code, upper] of escaped.matchAll(/%([0-9a-f]{2})|!([a-z])|./gs)) {
    if (whole === '%' || whole === '!') return undefined;
    bytes.push(code ? Number.parseInt(code, 16) : (upper?.toUpperCase() ?? whole).charCodeAt(0));
  }
  return Buffer.from(bytes).toString();
}

/** Splits an escaped component into levels. Because of the mark at its beginning, no later level is a device name. */
function splitLevels(escaped: string): string[] {
  const result: string[] = [];
  let rest = escaped;
  while (rest.length > LEVEL_BYTES) {
    result.push(rest.slice(0, LEVEL_BYTES - CONTINUED.length) + CONTINUED);
    rest = CONTINUATION + rest.slice(LEVEL_BYTES - CONTINUED.length);
  }
  result.push(rest);
  return result;
}
