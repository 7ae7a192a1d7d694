import { describe, expect, test } from 'vitest';
import {
  isOn,
  quoteValue,
  readBoolean,
  readChoice,
  readInput,
  readInteger,
  readLines,
} from '../../../src/action/inputs/read-input.ts';

describe('readInput', () => {
  test.each([
    [
      'an input precedes its CACHE_S3_ variable',
      { INPUT_BUCKET: ' ci ', CACHE_S3_BUCKET: 'of-runner' },
      'bucket',
      'ci',
    ],
    [
      'an empty input is read from its CACHE_S3_ variable',
      { INPUT_BUCKET: '', CACHE_S3_BUCKET: 'of-runner' },
      'bucket',
      'of-runner',
    ],
    [
      'a blank input is read from its CACHE_S3_ variable',
      { INPUT_BUCKET: '  ', CACHE_S3_BUCKET: ' of-runner ' },
      'bucket',
      'of-runner',
    ],
    ['an input that is not set is empty', {}, 'bucket', ''],
    ['the runner keeps dashes in a name', { 'INPUT_RETRY-COUNT': '3' }, 'retry-count', '3'],
    ['the variable has an underscore for a dash', { CACHE_S3_RETRY_COUNT: '3' }, 'retry-count', '3'],
    ['the variable has an underscore before a capital', { CACHE_S3_ACCESS_KEY: 'a' }, 'accessKey', 'a'],
    ['the variable may have no underscore before a capital', { CACHE_S3_ACCESSKEY: 'a' }, 'accessKey', 'a'],
    [
      'the variable has an underscore before each of several capitals',
      { CACHE_S3_ENABLE_CROSS_OS_ARCHIVE: 'true' },
      'enableCrossOsArchive',
      'true',
    ],
    [
      'the runner writes a name in upper case',
      { INPUT_ENABLECROSSOSARCHIVE: 'true' },
      'enableCrossOsArchive',
      'true',
    ],
  ])('%s', (_, env, name, value) => {
    expect(readInput(env, name)).toBe(value);
  });
});

test('readLines trims lines, drops empty ones and closes the gap after an exclamation mark', () => {
  const env = { INPUT_PATH: ' a \r\n\n!  b\n~/c d \n' };
  expect(readLines(env, 'path')).toEqual(['a', '!b', '~/c d']);
});

test.each([
  ['TRUE', true],
  ['False', false],
  ['', undefined],
])('readBoolean reads %j as %s', (text, value) => {
  expect(readBoolean({ INPUT_RETRY: text }, 'retry')).toBe(value);
});

test.each([
  ['True', true],
  ['false', false],
  ['yes', false],
  ['', false],
])('isOn reads %j as %s without an error', (text, value) => {
  expect(isOn({ INPUT_SUDO: text }, 'sudo')).toBe(value);
});

test.each([
  ['1', 1],
  ['99', 99],
  ['007', 7],
  ['', undefined],
])('readInteger reads %j as %s', (text, value) => {
  expect(readInteger({ INPUT_PORT: text }, 'port', { min: 1, max: 99 })).toBe(value);
});

test.each(['0', '100', '-1', '1.5', '1e1', '0x1', '٣', 'one'])(
  'readInteger refuses %j for a number from 1 to 99',
  text => {
    const attempt = () => readInteger({ INPUT_PORT: text }, 'port', { min: 1, max: 99 });
    expect(attempt).toThrow(`Input 'port' is '${text}', but it must be a whole number from 1 to 99.`);
  },
);

test('readChoice returns one of the words and refuses every other one, in another case too', () => {
  const read = (text: string) => readChoice({ INPUT_SCOPE: text }, 'scope', ['ref', 'repository', 'bucket']);
  expect(read('bucket')).toBe('bucket');
  expect(read('')).toBeUndefined();
  expect(() => read('Ref')).toThrow("Input 'scope' is 'Ref', but it must be ref, repository or bucket.");
});

test('a long value is quoted in part', () => {
  expect(quoteValue('short')).toBe("'short'");
  expect(quoteValue('x'.repeat(100_000))).toBe(`'${'x'.repeat(200)}...'`);
  const attempt = () => readBoolean({ INPUT_RETRY: 'x'.repeat(100_000) }, 'retry');
  expect(attempt).toThrow(/^.{100,300}$/);
});
