import { expect, test } from 'vitest';
import { redact } from '../../src/storage/redact.ts';

test.each([
  ['No provider for eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyIn0.c2ln', 'No provider for ***'],
  ['a token cut off at eyJhbGciOiJSUzI1NiJ9', 'a token cut off at ***'],
  ['key AKIAIOSFODNN7EXAMPLE, role ASIAIOSFODNN7EXAMPLE', 'key ***, role ***'],
  ['Authorization: AWS4-HMAC-SHA256 Credential=x', 'Authorization:***'],
  ['?X-Amz-Security-Token=abc&x=y', '?X-Amz-Security-Token=***'],
  ['{"token": "abc"}', '{"token":***'],
  ['connection refused', 'connection refused'],
])('redact(%j) is %j', (text, redacted) => {
  expect(redact(text)).toBe(redacted);
});
