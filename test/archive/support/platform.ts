import { onTestFinished } from 'vitest';
import { type Platform, platformOf, thisPlatform } from '../../../src/archive/fs/platform.ts';

/** Gives this process properties of another platform until the test ends. Its file system stays as it is. */
export function usePlatform(properties: Partial<Platform>): void {
  const before = { ...thisPlatform };
  Object.assign(thisPlatform, properties);
  onTestFinished(() => void Object.assign(thisPlatform, before));
}

/** The properties of a system for a user that is not root. */
export const platforms: Readonly<Record<'linux' | 'darwin' | 'win32', Platform>> = {
  linux: platformOf('linux', false),
  darwin: platformOf('darwin', false),
  win32: platformOf('win32', false),
};
