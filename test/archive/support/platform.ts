import { onTestFinished } from 'vitest';
import { type Platform, platformOf, thisPlatform, thisUser } from '../../../src/archive/fs/platform.ts';

/** Gives this process properties of another platform until the test ends. Its file system stays as it is. */
export function usePlatform(properties: Partial<Platform>): void {
  const before = { ...thisPlatform };
  Object.assign(thisPlatform, properties);
  onTestFinished(() => void Object.assign(thisPlatform, before));
}

/** Gives this process another effective user, as the archive sees it, until the test ends. Its rights stay as they are. */
export function useUser(uid: number): void {
  const before = { ...thisUser };
  thisUser.uid = uid;
  onTestFinished(() => void Object.assign(thisUser, before));
}

/** The properties of a system for a user that is not root. */
export const platforms: Readonly<Record<'linux' | 'darwin' | 'win32', Platform>> = {
  linux: platformOf('linux', false),
  darwin: platformOf('darwin', false),
  win32: platformOf('win32', false),
};
