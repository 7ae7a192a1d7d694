import { expect } from 'vitest';
import { StoreRefusedError } from '../../../../src/storage/store-errors.ts';
import { failureOf } from '../../../support/failure-of.ts';
import { settingsToCheck } from '../../../support/settings-to-check.ts';
import { type ScriptedAnswer, scriptedServer } from '../scripted-server.ts';

/** Returns the body of an S3 error. */
export const xml = (code: string, message = '') => ({
  body: `<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});

/** Expects that a GET that is answered so is refused, for this setting and with this text in its message. */
export async function expectRefusal(
  answer: ScriptedAnswer,
  setting: string,
  message: string | RegExp,
): Promise<void> {
  const server = await scriptedServer(() => answer);
  const failure = await failureOf(server.store().getRange('x', { suffix: 10 }));
  expect(failure).toBeInstanceOf(StoreRefusedError);
  expect(settingsToCheck(failure as StoreRefusedError)).toBe(setting);
  expect(failure.message).toEqual(
    typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
  );
}
