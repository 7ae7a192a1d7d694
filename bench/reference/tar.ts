/**
 * The commands with which @actions/cache 6.3.0 packs and unpacks (lib/internal/tar.js, GNU tar on Linux with zstd), and so
 * every action built on it. A test compares them with that module.
 */

export const archiveName = 'cache.tzst';
export const manifestName = 'manifest.txt';

/** Returns the arguments to pack. The current directory holds the manifest: the names to pack, one a line. */
export function createArguments(workspace: string): string[] {
  return [
    '--posix',
    '-cf',
    archiveName,
    '--exclude',
    archiveName,
    '-P',
    '-C',
    workspace,
    '--files-from',
    manifestName,
    '--use-compress-program',
    'zstdmt',
  ];
}

export function extractArguments(archive: string, workspace: string): string[] {
  return ['-xf', archive, '-P', '-C', workspace, '--use-compress-program', 'unzstd'];
}
