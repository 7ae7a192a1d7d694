import { describe, expect, test } from 'vitest';
import { BadInputError } from '../../../src/action/inputs/bad-input.ts';
import { badInputSentence, readInput, readLines } from '../../../src/action/inputs/read-input.ts';

describe('readInput', () => {
  test.each([
    ['the input goes first', { INPUT_BUCKET: ' ci ', CACHE_S3_BUCKET: 'fleet' }, 'bucket', 'ci'],
    ['an empty input is none', { INPUT_BUCKET: '', CACHE_S3_BUCKET: 'fleet' }, 'bucket', 'fleet'],
    ['blanks are none', { INPUT_BUCKET: '  ', CACHE_S3_BUCKET: ' fleet ' }, 'bucket', 'fleet'],
    ['nothing at all', {}, 'bucket', ''],
    ['dashes are kept by the runner', { 'INPUT_RETRY-COUNT': '3' }, 'retry-count', '3'],
    ['and are underscores for the fleet', { CACHE_S3_RETRY_COUNT: '3' }, 'retry-count', '3'],
    ['capitals begin a word', { CACHE_S3_ACCESS_KEY: 'a' }, 'accessKey', 'a'],
    ['or none', { CACHE_S3_ACCESSKEY: 'a' }, 'accessKey', 'a'],
    ['several capitals', { CACHE_S3_ENABLE_CROSS_OS_ARCHIVE: 'true' }, 'enableCrossOsArchive', 'true'],
    ['upper case by the runner', { INPUT_ENABLECROSSOSARCHIVE: 'true' }, 'enableCrossOsArchive', 'true'],
  ])('%s', (_, env, name, value) => {
    expect(readInput(env, name)).toBe(value);
  });
});

test('lines are trimmed, empty ones dropped, and a blank after ! closed', () => {
  const env = { INPUT_PATH: ' a \r\n\n!  b\n~/c d \n' };
  expect(readLines(env, 'path')).toEqual(['a', '!b', '~/c d']);
});

test.each([
  [{ CACHE_S3_RETRY_COUNT: 'x' }, "Input 'retry-count' (CACHE_S3_RETRY_COUNT) is 'x'."],
  [{ 'INPUT_RETRY-COUNT': 'x', CACHE_S3_RETRY_COUNT: '3' }, "Input 'retry-count' is 'x'."],
  [{}, "Input 'retry-count' is 'x'."],
])('a bad value of the fleet is said with its variable: %j', (env, sentence) => {
  expect(badInputSentence(new BadInputError("Input 'retry-count' is 'x'."), env)).toBe(sentence);
});
