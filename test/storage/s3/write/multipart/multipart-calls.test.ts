import { expect, test } from 'vitest';
import { multipartEtag } from '../../../../../src/storage/s3/write/multipart/multipart-calls.ts';

test('the multipart ETag is the MD5 of the parts’ MD5s and the number of parts', () => {
  // `printf x | md5sum`, `printf y | md5sum`; of both as bytes, one after the other: `| xxd -r -p | md5sum`
  const parts = ['"9dd4e461268c8034f5c8564e155c67a6"', '"415290769594460e2e485922904f345d"'];
  expect(multipartEtag(parts.map(ETag => ({ ETag })))).toBe('be6996cb706f34d65b9fee8745325abf-2');
});

test('the multipart ETag is a hash also if the ETag of a part is not an MD5', () => {
  expect(multipartEtag([{ ETag: '"abc"' }, {}])).toMatch(/^[0-9a-f]{32}-2$/);
});
