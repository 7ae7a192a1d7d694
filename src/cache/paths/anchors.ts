import type { PlatformPath } from 'node:path';
import { Anchor, type StoredName } from '../../archive/fs/paths/stored-name.ts';

export interface AnchorOptions {
  /** GITHUB_WORKSPACE, absolute. */
  readonly workspace: string;
  /** The user's home directory, absolute. */
  readonly home: string;
  /** `path.posix` or `path.win32`, which define separators, drive letters and whether case is significant. */
  readonly platformPath: PlatformPath;
}

/** The lexical mapping between absolute paths of this machine and stored names (archive/fs/paths/layout.ts). */
export interface Anchors extends AnchorOptions {
  readonly windows: boolean;
  toStored(absolute: string): string;
  toAbsolute(name: StoredName): string;
  /** Returns the spelling in which paths are compared: `/` as separator, none at the end, lower case if case is not significant. */
  comparable(absolute: string): string;
}

/**
 * Creates the mapping. It maps text only and resolves no link: `~/.cargo` stays `~/.cargo` if it is a symlink to
 * /opt/rust/cargo. The workspace precedes the home directory, which usually contains it. An anchor that is the root of a
 * file system maps nothing, since every absolute path is below it.
 */
export function createAnchors(options: AnchorOptions): Anchors {
  const { platformPath } = options;
  const windows = platformPath.sep === '\\';
  const workspace = trimEnd(platformPath.normalize(options.workspace), platformPath);
  const home = trimEnd(platformPath.normalize(options.home), platformPath);

  const slashed = (absolute: string) => (windows ? absolute.replaceAll('\\', '/') : absolute);
  const comparable = (absolute: string) => {
    const spelling = windows ? slashed(absolute).toLowerCase() : absolute;
    return spelling.endsWith('/') ? spelling.slice(0, -1) : spelling;
  };

  const withEnd = (path: string) => (path.endsWith(platformPath.sep) ? path : path + platformPath.sep);
  const above = { [Anchor.home]: withEnd(home), [Anchor.workspace]: withEnd(workspace) };
  const mapped = [
    { mark: './', directory: workspace },
    { mark: '~/', directory: home },
  ]
    // Trimmed, only a root ends in a separator
    .filter(({ directory }) => platformPath.isAbsolute(directory) && !directory.endsWith(platformPath.sep))
    .map(({ mark, directory }) => ({ mark, below: `${comparable(directory)}/` }));

  return {
    workspace,
    home,
    platformPath,
    windows,
    comparable,
    toStored(absolute) {
      const name = slashed(trimEnd(absolute, platformPath));
      const folded = windows ? name.toLowerCase() : name;
      for (const { mark, below } of mapped) {
        if (folded.startsWith(below)) return mark + name.slice(below.length);
        if (folded.length === below.length - 1 && below.startsWith(folded)) return mark;
      }
      return /^[a-z]:/.test(name) && windows ? name[0]!.toUpperCase() + name.slice(1) : name;
    },
    toAbsolute({ anchor, start, below }) {
      const absolute = (anchor === Anchor.root ? start : above[anchor]) + below;
      return trimEnd(windows ? absolute.replaceAll('/', '\\') : absolute, platformPath);
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
