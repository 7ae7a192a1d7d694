import { describe, expect, test } from 'vitest';
import { hasWaitedLong, isHostCrowded } from '../../../src/archive/pool/crowded-host.ts';
import { failed, instead } from '../../support/file-system-calls.ts';

describe('the host', () => {
  test.each([
    ['117304105 117304105 40\n', 'it has waited for a core as long as it has run', true],
    ['117304105 974216380 210\n', 'it has waited longer than it has run', true],
    ['117304105 117304104 40\n', 'it has run longer than it has waited', false],
    ['117304105 0 1\n', 'it has never waited', false],
    ['0 59016 1\n', 'it has not run yet', false],
    ['9999999999999999999 9999999999999999999 9999999999999999999\n', 'the numbers are large', true],
  ])('is crowded by the schedstat %j of a thread (%s): %s', (text, _, expected) => {
    expect(hasWaitedLong(text)).toBe(expected);
  });

  test.each([
    '',
    '\n',
    '1 2 3',
    '1 2\n',
    '1 2 3 4\n',
    ' 1 2 3\n',
    '1  2 3\n',
    '1 -2 3\n',
    '1 2.5 3\n',
    '1 0x2 3\n',
    '1 Infinity 3\n',
    '1 99999999999999999999 3\n',
    '1 2 3\n1 2 3\n',
  ])('is not taken for crowded by the text %j', text => {
    expect(hasWaitedLong(text)).toBe(false);
  });

  test('is not taken for crowded where the system has no such file', () => {
    const opened: unknown[] = [];
    instead('openSync', () => path => {
      opened.push(path);
      throw failed('ENOENT', path);
    });
    expect(isHostCrowded()).toBe(false);
    expect(opened).toEqual(['/proc/self/schedstat']);
  });

  test('is not taken for crowded by a file that does not end', () => {
    instead('openSync', call => (_, flags) => call(process.execPath, flags));
    expect(isHostCrowded()).toBe(false);
  });
});
