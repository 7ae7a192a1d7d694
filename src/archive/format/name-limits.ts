import { isLongerThan, UNIT_BYTES } from '../fs/paths/names.ts';
import { MAX_COMPONENT_BYTES, MAX_LEVELS, MAX_NAME_BYTES } from './limits.ts';

/** Returns whether a full stored name is beyond the limits of the format. */
export function isNameTooLong(name: string): boolean {
  if (name.length * UNIT_BYTES <= MAX_COMPONENT_BYTES) return false;
  if (isLongerThan(name, MAX_NAME_BYTES)) return true;
  const components = name.split('/');
  return (
    levelsOf(name) > MAX_LEVELS || components.some(component => isLongerThan(component, MAX_COMPONENT_BYTES))
  );
}

/** Returns whether a link target is beyond the limits of the format. */
export function isTargetTooLong(target: string): boolean {
  return isLongerThan(target, MAX_NAME_BYTES);
}

/** Returns the number of components of a name, its anchor included. */
export function levelsOf(name: string): number {
  let levels = name.endsWith('/') ? 0 : 1;
  for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) levels++;
  return levels;
}
