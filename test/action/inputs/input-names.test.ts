import { expect, test } from 'vitest';
import { badInputSentence, inputNamer } from '../../../src/action/inputs/input-names.ts';
import { BadInputError } from '../../../src/action/inputs/read-input.ts';

test.each([
  ['names its variable', { CACHE_S3_RETRY_COUNT: 'x' }, "Input 'retry-count' (CACHE_S3_RETRY_COUNT) is 'x'."],
  [
    'is not mentioned if the step sets the input',
    { 'INPUT_RETRY-COUNT': 'x', CACHE_S3_RETRY_COUNT: '3' },
    "Input 'retry-count' is 'x'.",
  ],
  ['is not mentioned if it sets nothing', {}, "Input 'retry-count' is 'x'."],
])('the sentence about a bad value of a variable %s', (_, env, sentence) => {
  expect(badInputSentence(new BadInputError('retry-count', "is 'x'."), env)).toBe(sentence);
});

test('the sentence about a bad value names other inputs with their variables too', () => {
  const error = new BadInputError('port', name => `is '81', but ${name('endpoint')} is empty.`);
  expect(badInputSentence(error, { INPUT_PORT: '81', CACHE_S3_ENDPOINT: 'rgw' })).toBe(
    "Input 'port' is '81', but the input 'endpoint' (CACHE_S3_ENDPOINT) is empty.",
  );
  expect(error.message).toBe("Input 'port' is '81', but the input 'endpoint' is empty.");
});

const NOWHERE = "the input 'region', CACHE_S3_REGION or AWS_REGION (none is set)";
const AWS_HOST = 's3.eu-west-1.amazonaws.com';

test.each<[string, string, Record<string, string>, string]>([
  ['an input of the step', 'bucket', { INPUT_BUCKET: 'b', CACHE_S3_BUCKET: 'c' }, "the input 'bucket'"],
  ['a variable', 'bucket', { CACHE_S3_BUCKET: 'c' }, "the input 'bucket' (CACHE_S3_BUCKET)"],
  ['nothing', 'ca-file', {}, "the input 'ca-file'"],
  ['the region of the step', 'region', { INPUT_REGION: 'r', AWS_REGION: 's' }, "the input 'region'"],
  [
    'the region of a variable',
    'region',
    { CACHE_S3_REGION: 'r', AWS_REGION: 's' },
    "the input 'region' (CACHE_S3_REGION)",
  ],
  ['AWS_REGION', 'region', { AWS_REGION: 'r', AWS_DEFAULT_REGION: 's' }, 'AWS_REGION'],
  ['AWS_DEFAULT_REGION', 'region', { AWS_DEFAULT_REGION: 's' }, 'AWS_DEFAULT_REGION'],
  ['no region', 'region', {}, NOWHERE],
  ['the host name of AWS', 'region', { INPUT_ENDPOINT: AWS_HOST, AWS_REGION: 'r' }, "the input 'endpoint'"],
  ['another host name', 'region', { INPUT_ENDPOINT: 'rgw.example.org' }, NOWHERE],
  [
    'AWS_REGION, with a region in the host name of another server,',
    'region',
    { INPUT_ENDPOINT: 'https://s3.us-west-1.wasabisys.com', AWS_REGION: 'r' },
    'AWS_REGION',
  ],
  [
    'a URL of AWS with a port',
    'region',
    { INPUT_ENDPOINT: 'https://s3.cn-north-1.amazonaws.com.cn:443/', AWS_REGION: 'r' },
    "the input 'endpoint'",
  ],
  [
    'the scheme of a host',
    'insecure',
    { INPUT_ENDPOINT: 'rgw', CACHE_S3_INSECURE: 'true' },
    "the input 'insecure' (CACHE_S3_INSECURE)",
  ],
  [
    'the scheme of a URL',
    'insecure',
    { CACHE_S3_ENDPOINT: 'http://rgw' },
    "the input 'endpoint' (CACHE_S3_ENDPOINT)",
  ],
])('a value that comes from %s is named by that place', (_, input, env, name) => {
  expect(inputNamer(env)(input)).toBe(name);
});
