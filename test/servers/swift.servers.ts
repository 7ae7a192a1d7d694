import { afterAll, describe } from 'vitest';
import { startIfPossible } from '../support/servers/packages.ts';
import { startSwift } from '../support/servers/swift.ts';
import { serverCases } from './cases.ts';

const swift = await startIfPossible(startSwift);
const bucket = await swift?.newBucket('servers');

afterAll(async () => {
  await swift?.[Symbol.asyncDispose]();
});

describe.skipIf(!swift)('OpenStack Swift', () => {
  serverCases(
    () => {
      const { endpoint, accessKey, secretKey } = swift!;
      return {
        endpoint: new URL(endpoint),
        bucket: bucket!,
        credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
      };
    },
    { exactConditions: false },
  );
});
