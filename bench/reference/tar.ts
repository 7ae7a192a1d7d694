/**
 * The commands with which @actions/cache 6.3.0 (lib/internal/tar.js, GNU tar on Linux with zstd) packs and unpacks, and
 * with it every action built on it. A test runs that module and compares.
 */

export const archiveName = 'cache.tzst';
export const manifestName = 'manifest.txt';

/** Run in the directory that holds the manifest: the names to pack, one on each line. */
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
