import { createHash } from 'node:crypto';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ANY_NAME } from '../../../support/any-name.ts';
import { scriptedServer } from '../scripted-server.ts';

test('the sweep keeps an upload without a date, which another job may be writing', async () => {
  const old =
    '<Upload><Key>old</Key><UploadId>1</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload>';
  const ageless = '<Upload><Key>ageless</Key><UploadId>2</UploadId></Upload>';
  const server = await scriptedServer(operation =>
    operation === 'ListMultipartUploads'
      ? { body: `<ListMultipartUploadsResult>${old}${ageless}</ListMultipartUploadsResult>` }
      : { status: operation === 'HeadObject' ? 404 : 204 },
  );
  expect(await server.store().abortStale('', 1000, ANY_NAME)).toBe(1);
  expect(server.operations).toEqual(['ListMultipartUploads', 'HeadObject', 'AbortMultipartUpload']);
  expect(server.requests.at(-1)).toBe('AbortMultipartUpload /bucket/old');
});

const WEEK_MS = 7 * 86_400_000;

test.each([
  ['server', 0, WEEK_MS],
  ['runner', WEEK_MS, 0],
])(
  'the sweep keeps a new upload when the %s has a clock that is days ahead',
  async (_, runnerMs, serverMs) => {
    const now = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: now + runnerMs });
    onTestFinished(() => void vi.useRealTimers());
    const began = new Date(now - 60_000).toISOString();
    const upload = `<Upload><Key>new</Key><UploadId>1</UploadId><Initiated>${began}</Initiated></Upload>`;
    const server = await scriptedServer(() => ({
      headers: { date: new Date(now + serverMs).toUTCString() },
      body: `<ListMultipartUploadsResult>${upload}</ListMultipartUploadsResult>`,
    }));
    expect(await server.store().abortStale('', 86_400_000, ANY_NAME)).toBe(0);
    expect(server.operations).toEqual(['ListMultipartUploads']);
  },
);

describe('the sweep of an upload beside an object of its name', () => {
  const upload =
    '<Upload><Key>x</Key><UploadId>1</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload>';
  const pages: Readonly<Record<string, string>> = {
    none: '<IsTruncated>true</IsTruncated><NextPartNumberMarker>1</NextPartNumberMarker>',
    '1': '<IsTruncated>false</IsTruncated>',
  };
  const partEtags: Readonly<Record<string, string>> = { none: md5('one'), '1': md5('two') };

  async function sweepBeside(etag: string, listParts = 200) {
    const server = await scriptedServer((operation, { url = '' }) => {
      const from = new URL(url, 'http://server').searchParams.get('part-number-marker') ?? 'none';
      switch (operation) {
        case 'ListMultipartUploads':
          return { body: `<ListMultipartUploadsResult>${upload}</ListMultipartUploadsResult>` };
        case 'HeadObject':
          return { headers: { etag: `"${etag}"`, 'content-length': '10' } };
        case 'ListParts': {
          const part = `<Part><PartNumber>1</PartNumber><ETag>"${partEtags[from]}"</ETag></Part>`;
          return {
            status: listParts,
            body: listParts === 200 ? `<ListPartsResult>${part}${pages[from]}</ListPartsResult>` : '',
          };
        }
        default:
          return { status: 204 };
      }
    });
    return { aborted: await server.store().abortStale('', 1000, ANY_NAME), operations: server.operations };
  }

  const joined = `${md5(Buffer.from(md5('one') + md5('two'), 'hex'))}-2`;

  test('keeps it when the ETags of its parts make the ETag of the object', async () => {
    const { aborted, operations } = await sweepBeside(joined);
    expect(aborted).toBe(0);
    expect(operations.filter(operation => operation === 'ListParts')).toHaveLength(2);
  });

  test('aborts it when they make another ETag', async () => {
    expect((await sweepBeside(joined.replace('-2', '-3'))).aborted).toBe(1);
  });

  test('aborts it when the object was stored whole', async () => {
    const { aborted, operations } = await sweepBeside(md5('whole'));
    expect(aborted).toBe(1);
    expect(operations).not.toContain('ListParts');
  });

  test('keeps it where listing its parts is not allowed', async () => {
    expect((await sweepBeside(joined, 403)).aborted).toBe(0);
  });
});

function md5(content: string | Uint8Array): string {
  return createHash('md5').update(content).digest('hex');
}
