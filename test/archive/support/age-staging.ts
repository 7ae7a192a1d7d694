import { lutimesSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { isStagingName } from '../../../src/archive/fs/paths/staging-name.ts';

/** Makes all staging directories below a directory two days old, as a killed restore of another day has left them. */
export function ageStaging(directory: string): void {
  const old = Date.now() / 1000 - 2 * 24 * 60 * 60;
  for (const found of readdirSync(directory, { withFileTypes: true })) {
    const at = path.join(directory, found.name);
    if (isStagingName(found.name)) lutimesSync(at, old, old);
    else if (found.isDirectory()) ageStaging(at);
  }
}
