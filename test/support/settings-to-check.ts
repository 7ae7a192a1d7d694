import type { StoreRefusedError } from '../../src/storage/store-errors.ts';

/** Returns the settings that a refusal names, as the log does for inputs that the step itself sets. */
export function settingsToCheck(refusal: StoreRefusedError): string {
  const advice = refusal.advise(input => `the input '${input}'`);
  return advice.slice('check '.length, -`: ${refusal.message}`.length);
}
