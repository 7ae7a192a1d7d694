import { describe, expect, test } from 'vitest';
import { parseInputs } from '../../../src/action/inputs/inputs.ts';
import { BadInputError } from '../../../src/action/inputs/read-input.ts';
import { inputVariables } from '../../support/runner/process/step-variables.ts';

const parse = (inputs: Record<string, string>) => parseInputs(inputVariables(inputs));
const minimal = { path: 'node_modules', key: 'k' };

describe('parseInputs', () => {
  test('path and key are enough, and every other input has a default', () => {
    expect(parse(minimal)).toEqual({
      paths: ['node_modules'],
      key: 'k',
      restoreKeys: [],
      endpoint: '',
      port: undefined,
      insecure: undefined,
      accessKey: '',
      secretKey: '',
      sessionToken: '',
      roleToAssume: '',
      roleToAssumeForSave: '',
      audience: 'sts.amazonaws.com',
      stsEndpoint: '',
      region: '',
      bucket: '',
      caFile: '',
      serverSideEncryption: undefined,
      sseKmsKeyId: undefined,
      retry: true,
      retryCount: 4,
      crossOs: false,
      failOnCacheMiss: false,
      lookupOnly: false,
      saveAlways: false,
      useFallback: true,
      overwrite: false,
      summary: false,
      warmRestore: false,
      prefix: 'cache-s3',
      scope: 'ref',
      compressionLevel: 3,
      uploadChunkSizeBytes: undefined,
      jobStatus: '',
    });
  });

  test.each([
    ['', 10e9],
    ['200GB', 200e9],
    ['512 MiB', 512 * 2 ** 20],
    ['1.5tb', 1.5e12],
  ])('a disk cache of size %j has a limit of %d bytes', (size, maxBytes) => {
    const inputs = { ...minimal, 'disk-cache': '/srv/frames', 'disk-cache-size': size };
    expect(parse(inputs).diskCache).toEqual({ directory: '/srv/frames', maxBytes });
  });

  test.each([
    ['disk-cache', 'frames', 'the absolute path of a directory of the host'],
    ['disk-cache', '~/frames', 'the absolute path of a directory of the host'],
    ['disk-cache-size', '20', 'a size such as 500MB'],
    ['disk-cache-size', '99MB', 'at least 100MB'],
    ['disk-cache-size', 'much', 'a size such as 500MB'],
  ])('input %s refuses %j', (name, value, problem) => {
    const inputs = { ...minimal, 'disk-cache': '/srv/frames', [name]: value };
    expect(() => parse(inputs)).toThrow(problem);
    expect(() => parse(inputs)).toThrow(BadInputError);
  });

  test('the inputs of a tespkg/actions-cache step are read in their spelling', () => {
    const inputs = parse({
      endpoint: 'rgw.example',
      port: '9000',
      region: 'default',
      bucket: 'ci',
      insecure: 'false',
      accessKey: 'AK',
      secretKey: 'SK',
      sessionToken: 'ST',
      'use-fallback': 'true',
      retry: 'true',
      'retry-count': '3',
      path: '~/.cache/go-build\n~/go/pkg/mod\n',
      key: 'linux-go-1',
      'restore-keys': 'linux-go-\nlinux-\n',
    });
    expect(inputs).toMatchObject({
      endpoint: 'rgw.example',
      port: 9000,
      insecure: false,
      accessKey: 'AK',
      secretKey: 'SK',
      sessionToken: 'ST',
      useFallback: true,
      retry: true,
      retryCount: 3,
      paths: ['~/.cache/go-build', '~/go/pkg/mod'],
      restoreKeys: ['linux-go-', 'linux-'],
    });
  });

  test('an empty input is read from its CACHE_S3_ variable', () => {
    const env = {
      ...inputVariables({ ...minimal, bucket: '' }),
      CACHE_S3_BUCKET: 'of-runner',
      CACHE_S3_SCOPE: 'bucket',
    };
    expect(parseInputs(env)).toMatchObject({ bucket: 'of-runner', scope: 'bucket' });
  });

  test('the job status is read from the runner, and never from CACHE_S3_JOB_STATUS', () => {
    expect(parseInputs({ ...inputVariables(minimal), CACHE_S3_JOB_STATUS: 'failure' }).jobStatus).toBe('');
    expect(parse({ ...minimal, 'job-status': 'failure' }).jobStatus).toBe('failure');
  });

  test.each([
    ['/ci/', 'ci'],
    ['team/a', 'team/a'],
    ['', 'cache-s3'],
  ])('the prefix %j is read as %j', (text, prefix) => {
    expect(parse({ ...minimal, prefix: text }).prefix).toBe(prefix);
  });

  test.each([
    [{ port: 'http' }, "Input 'port' is 'http', but it must be a whole number from 1 to 65535."],
    [{ port: '65536' }, /^Input 'port' is '65536'/],
    [
      { 'retry-count': 'three' },
      "Input 'retry-count' is 'three', but it must be a whole number from 0 to 99.",
    ],
    [{ 'retry-count': '-1' }, /^Input 'retry-count' is '-1'/],
    [{ 'retry-count': '100' }, /^Input 'retry-count' is '100'/],
    [{ 'retry-count': '1.5' }, /^Input 'retry-count' is '1.5'/],
    [
      { 'compression-level': '0' },
      "Input 'compression-level' is '0', but it must be 'auto' or a whole number from 1 to 19.",
    ],
    [{ 'compression-level': 'fast' }, /^Input 'compression-level' is 'fast'/],
    [{ 'compression-level': '20' }, /^Input 'compression-level' is '20'/],
    [
      { 'upload-chunk-size': '32MB' },
      "Input 'upload-chunk-size' is '32MB', but it must be a whole number of bytes such as 8388608.",
    ],
    [{ 'upload-chunk-size': '0' }, /^Input 'upload-chunk-size' is '0'/],
    [{ insecure: 'yes' }, "Input 'insecure' is 'yes', but it must be true or false."],
    [{ sudo: 'yes' }, "Input 'sudo' is 'yes', but it must be true or false."],
    [{ 'fail-on-save-error': '1' }, "Input 'fail-on-save-error' is '1', but it must be true or false."],
    [{ retry: '3' }, /^Input 'retry' is '3'/],
    [{ 'use-fallback': 'no' }, /^Input 'use-fallback' is 'no'/],
    [{ 'fail-on-cache-miss': '1' }, /^Input 'fail-on-cache-miss' is '1'/],
    [{ scope: 'branch' }, "Input 'scope' is 'branch', but it must be ref, repository or bucket."],
    [{ prefix: '../x' }, /^Input 'prefix' is '\.\.\/x', but it must be/],
    [{ prefix: 'a//b' }, /^Input 'prefix' is 'a\/\/b'/],
    [{ prefix: 'ü' }, /^Input 'prefix' is 'ü'/],
    [{ prefix: 'p'.repeat(257) }, /^Input 'prefix' is 'p{200}\.\.\.', but it must be at most 256 letters/],
  ])('the inputs %j are refused in one sentence', (inputs, sentence) => {
    const attempt = () => parse({ ...minimal, ...inputs });
    expect(attempt).toThrow(BadInputError);
    expect(attempt).toThrow(sentence);
    expect(attempt).toThrow(/^[^\n]*\.$/);
  });
});
