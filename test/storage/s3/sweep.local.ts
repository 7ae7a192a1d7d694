import { expect, test } from 'vitest';
import { scriptedServer } from './scripted-server.ts';

test('an upload whose age the server does not tell may be one that another job is writing: it stays', async () => {
  const old =
    '<Upload><Key>old</Key><UploadId>1</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload>';
  const ageless = '<Upload><Key>ageless</Key><UploadId>2</UploadId></Upload>';
  const server = await scriptedServer(operation =>
    operation === 'ListMultipartUploads'
      ? { body: `<ListMultipartUploadsResult>${old}${ageless}</ListMultipartUploadsResult>` }
      : { status: 204 },
  );
  expect(await server.store().abortStale('', 1000)).toBe(1);
  expect(server.requests).toEqual(['ListMultipartUploads /bucket/', 'AbortMultipartUpload /bucket/old']);
});
