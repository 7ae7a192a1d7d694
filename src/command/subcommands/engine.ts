/**
 * Loads the engine of the action. The command imports it only in this way. For a static import the bundler would move the parts
 * that the command uses into separate files, and a step would load more files (ADR 0022).
 */

export type RestoreEngine = typeof import('../../storage/archives/archive-restore.ts');

export function loadRestoreEngine(): Promise<RestoreEngine> {
  return import('../../storage/archives/archive-restore.ts');
}

export function loadSaveEngine(): Promise<typeof import('../../storage/archives/archive-save.ts')> {
  return import('../../storage/archives/archive-save.ts');
}
