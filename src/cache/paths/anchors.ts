import type { PlatformPath } from 'node:path';
import type { StoredName } from '../../archive/fs/paths/stored-name.ts';

export interface AnchorOptions {
  /** GITHUB_WORKSPACE, absolute. */
  readonly workspace: string;
  /** The user's home directory, absolute. */
  readonly home: string;
  /** `path.posix` or `path.win32`, which define separators, drive letters and whether case is significant. */
  readonly platformPath: PlatformPath;
}

/** The lexical mapping between absolute paths of this machine and stored names (archive/fs/paths/layout.ts). */
export type Anchors = ReturnType<typeof createAnchors>;

/**
 * Creates the mapping. It maps text only and resolves no link: `~/.cargo` stays `~/.cargo` if it is a symlink to /opt/rust/cargo.
 * The workspace precedes the home directory, which usually contains it. A workspace or home directory that is the root of a file
 * system maps nothing, since every absolute path is below it.
 */
export function createAnchors(options: AnchorOptions) {
  const { platformPath } = options;
  const isWindows = platformPath.sep === '\\';
  const workspace = trimEnd(platformPath.normalize(options.workspace), platformPath);
  const home = trimEnd(platformPath.normalize(options.home), platformPath);

  const withSlashes = (absolute: string) => (isWindows ? absolute.replaceAll('\\', '/') : absolute);
  const spell = (absolute: string, foldsCase: boolean) => {
    const spelling = foldsCase ? withSlashes(absolute).toLowerCase() : withSlashes(absolute);
    return spelling.endsWith('/') ? spelling.slice(0, -1) : spelling;
  };
  const toComparable = (absolute: string) => spell(absolute, isWindows);

  const withEnd = (path: string) => (path.endsWith(platformPath.sep) ? path : path + platformPath.sep);
  const directories = new Map([
    ['./', withEnd(workspace)],
    ['~/', withEnd(home)],
  ]);
  const isRoot = (path: string) => platformPath.parse(path).root === path;
  const mapped = [...directories]
    .filter(([, directory]) => platformPath.isAbsolute(directory) && !isRoot(directory))
    .map(([start, directory]) => ({ start, below: `${toComparable(directory)}/` }));

  return {
    workspace,
    home,
    platformPath,
    isWindows,
    /** Returns the spelling in which paths are compared: `/` as separator, none at the end, lower case if case is not significant. */
    toComparable,
    /** Returns the spelling of a system that differs from this one in whether case is significant. */
    toComparableInOtherCase: (absolute: string) => spell(absolute, !isWindows),
    toStored(absolute: string): string {
      const name = withSlashes(trimEnd(absolute, platformPath));
      const path = toComparable(name);
      for (const { start, below } of mapped) {
        if (path.startsWith(below)) return start + name.slice(below.length);
        if (`${path}/` === below) return start;
      }
      return /^[a-z]:/.test(name) && isWindows ? name[0]!.toUpperCase() + name.slice(1) : name;
    },
    toAbsolute({ start, below }: StoredName): string {
      const absolute = (directories.get(start) ?? start) + below;
      return trimEnd(isWindows ? absolute.replaceAll('/', '\\') : absolute, platformPath);
    },
  };
}

function trimEnd(name: string, platformPath: PlatformPath): string {
  let end = name.length;
  while (end > 0 && (name[end - 1] === '/' || name[end - 1] === platformPath.sep)) end--;
  if (end === name.length) return name;
  const { root } = platformPath.parse(name);
  return name.slice(0, Math.max(end, root.length));
}
