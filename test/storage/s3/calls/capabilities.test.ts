import { expect, test } from 'vitest';
import { MIN_PART_BYTES } from '../../../../src/storage/part-size.ts';
import { Capabilities } from '../../../../src/storage/s3/calls/capabilities.ts';
import { MiB } from '../../../support/sizes.ts';

test('a body has the wanted size until one of that size or less was refused', () => {
  const capabilities = new Capabilities();
  expect(capabilities.fittingBytes(64 * MiB)).toBe(64 * MiB);
  capabilities.refusedBodyBytes = 16 * MiB;
  expect(capabilities.fittingBytes(8 * MiB)).toBe(8 * MiB);
  expect(capabilities.fittingBytes(16 * MiB)).toBe(MIN_PART_BYTES);
  expect(capabilities.fittingBytes(64 * MiB)).toBe(MIN_PART_BYTES);
});

test('a bucket keeps versions from the first response with a version on, but not for the version of suspended versions', () => {
  const capabilities = new Capabilities();
  capabilities.noteVersion(undefined);
  capabilities.noteVersion('null');
  expect(capabilities.versioned).toBe(false);
  capabilities.noteVersion('3HL4kqtJlcpXroDTDmJ');
  capabilities.noteVersion('null');
  expect(capabilities.versioned).toBe(true);
});
