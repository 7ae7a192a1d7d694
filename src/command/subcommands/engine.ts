/**
 * Loads the engine of the action. The command imports it only in this way: a static import would make the bundler split the
 * files of the action at what the command uses of them, and a step would load more files (ADR 0022).
 */

export type RestoreEngine = typeof import('../../storage/archives/archive-restore.ts');

export function loadRestoreEngine(): Promise<RestoreEngine> {
  return import('../../storage/archives/archive-restore.ts');
}

export function loadSaveEngine(): Promise<typeof import('../../storage/archives/archive-save.ts')> {
  return import('../../storage/archives/archive-save.ts');
}
