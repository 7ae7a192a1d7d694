import { afterAll, describe } from 'vitest';
import { need, requires } from '../support/platform-needs.ts';
import { startIfPossible } from '../support/servers/packages.ts';
import { startSwift } from '../support/servers/swift.ts';
import { serverCases } from './cases.ts';

const swift = await startIfPossible(startSwift);
const bucket = await swift?.newBucket('servers');

afterAll(async () => {
  await swift?.[Symbol.asyncDispose]();
});

describe('OpenStack Swift', requires(need(swift, 'no OpenStack Swift can be started')), () => {
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
