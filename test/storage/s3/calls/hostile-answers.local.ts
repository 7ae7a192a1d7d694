import type http from 'node:http';
import { describe, expect, test } from 'vitest';
import type { Log } from '../../../../src/report/log.ts';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { ANY_NAME } from '../../../support/any-name.ts';
import { listNames, putObject } from '../../../support/put-object.ts';
import { hostile, writeForever } from '../../../support/servers/hostile-socket.ts';
import { silentLog } from '../../../support/silent-log.ts';
import { MiB } from '../../../support/sizes.ts';
import { type ScriptedAnswer, scriptedServer } from '../scripted-server.ts';

const CREATED = '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>';
const OLD =
  '<ListMultipartUploadsResult><Upload><Key>x</Key><UploadId>1</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload></ListMultipartUploadsResult>';

/** Good answers, so that each operation is reached. */
const GOOD: Readonly<Record<string, ScriptedAnswer>> = {
  CreateMultipartUpload: { body: CREATED },
  ListMultipartUploads: { body: OLD },
  HeadObject: { headers: { etag: '"0123456789abcdef0123456789abcdef-2"', 'content-length': '20000000' } },
  UploadPart: { headers: { etag: '"part"' } },
  UploadPartCopy: { body: '<CopyPartResult><ETag>"part"</ETag></CopyPartResult>' },
  AbortMultipartUpload: { status: 204 },
};

async function uploadParts(store: ObjectStore): Promise<void> {
  const upload = store.createUpload('x', { partSizeBytes: 5 * MiB, onlyIfAbsent: false });
  try {
    await upload.write(new Uint8Array(6 * MiB));
    await upload.complete();
  } finally {
    await upload.abort();
  }
}

/** A use of the store that reaches each operation. */
const USES: Readonly<Record<string, (store: ObjectStore) => Promise<unknown>>> = {
  HeadObject: store => store.head('x'),
  GetObject: store => store.getRange('x', { suffix: 1000 }),
  ListObjectsV2: store => listNames(store, 'p/'),
  ListMultipartUploads: store => store.abortStale('', 1000, ANY_NAME),
  ListParts: store => store.abortStale('', 1000, ANY_NAME),
  PutObject: store => putObject(store, 'x', 'x'),
  CreateMultipartUpload: uploadParts,
  UploadPart: uploadParts,
  CompleteMultipartUpload: uploadParts,
  async UploadPartCopy(store) {
    const upload = store.createUpload('x', { partSizeBytes: 5 * MiB, onlyIfAbsent: false });
    try {
      await upload.copyRange(
        { name: 'y', etag: '0123456789abcdef0123456789abcdef-2' },
        { start: 0, end: 6 * MiB },
      );
    } finally {
      await upload.abort();
    }
  },
};

/** Answers by a body without end, also to a HEAD. */
const endless = (status: number) => (to: http.ServerResponse) => {
  to.writeHead(status, { connection: 'close', 'content-length': 1e12 });
  to.flushHeaders();
  if (to.socket) writeForever(to.socket, '<a>');
};

const HOSTILE: readonly [string, (to: http.ServerResponse) => void][] = [
  ['101', hostile.switchProtocols],
  ['200 with an endless body', endless(200)],
  ['403 with an endless body', endless(403)],
  ['500 with an endless body', endless(500)],
  ['200 with a deep document', to => to.writeHead(200).end('<a>'.repeat(20_000))],
  ['400 with a deep document', to => to.writeHead(400).end('<a>'.repeat(20_000))],
  ['400 with document types', to => to.writeHead(400).end('<!DOCTYPE a>'.repeat(5_000))],
  ['400 with a long code', to => to.writeHead(400).end(errorWith('x'.repeat(60_000)))],
  ['400 with a code of control characters', to => to.writeHead(400).end(errorWith('a&#10;::error::b'))],
];

function errorWith(code: string): string {
  return `<Error><Code>${code}</Code><Message>m</Message></Error>`;
}

describe.each(Object.keys(USES))('%s answered by', operation => {
  test.each(HOSTILE)('%s ends with a short error of the store contract', async (_, answer) => {
    const debug: string[] = [];
    const log: Log = { ...silentLog, debug: line => debug.push(line) };
    let answered = 0;
    const server = await scriptedServer((one, from) => {
      if (one !== operation) return GOOD[one] ?? { status: 404 };
      answered++;
      from.resume();
      return answer;
    });
    const store = server.store({ attempts: 2 }, { log });
    const outcome = await USES[operation]!(store).catch((error: unknown) => error);
    expect(answered).toBeGreaterThan(0);
    // The sweep keeps an upload whose parts it may not list, so a refusal there is no error
    if (outcome instanceof Error) {
      expect(outcome.name).toMatch(/^(Store|Object|Copy)/);
      expect(outcome.message.length).toBeLessThan(500);
      expect(outcome.message).not.toMatch(/[\n\r]|x{100}|::error/);
    } else {
      expect(['HeadObject', 'ListParts']).toContain(operation);
    }
    for (const line of debug) {
      expect(line.length).toBeLessThan(500);
      expect(line).not.toMatch(/[\n\r]|x{100}|::error/);
    }
  });
});

test('the sweep aborts no upload outside its prefix, with a future date or a long id', async () => {
  const upload = (key: string, id = '1', initiated = '2020-01-01T00:00:00.000Z') =>
    `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated}</Initiated></Upload>`;
  const listed = [
    upload('p/old'),
    upload('other/old'),
    upload('p'),
    upload('p/future', '1', '2999-01-01T00:00:00.000Z'),
    upload('p/long', 'x'.repeat(2000)),
    upload('p/none', ''),
  ];
  const server = await scriptedServer(operation => {
    if (operation === 'AbortMultipartUpload') return { status: 204 };
    if (operation === 'HeadObject') return { status: 404 };
    return { body: `<ListMultipartUploadsResult>${listed.join('')}</ListMultipartUploadsResult>` };
  });
  expect(await server.store().abortStale('p/', 1000, ANY_NAME)).toBe(1);
  expect(server.requests.filter(request => request.startsWith('Abort'))).toEqual([
    'AbortMultipartUpload /bucket/p/old',
  ]);
});

/** Answers by these times in each header and element in which S3 sends a time. */
function serverWithTime(time: string) {
  const modified = `<LastModified>${time}</LastModified>`;
  const bodies: Readonly<Record<string, string>> = {
    ListMultipartUploads: OLD.replace(
      '</Upload>',
      `</Upload><Upload><Key>y</Key><UploadId>2</UploadId><Initiated>${time}</Initiated></Upload>`,
    ),
    ListParts: `<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>"part"</ETag>${modified}</Part></ListPartsResult>`,
    UploadPartCopy: `<CopyPartResult>${modified}<ETag>"part"</ETag></CopyPartResult>`,
    CompleteMultipartUpload:
      '<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>',
  };
  const names = ['last-modified', 'expires', 'x-amz-abort-date', 'x-amz-object-lock-retain-until-date'];
  const headers = Object.fromEntries(names.map(name => [name, time]));
  return scriptedServer(operation => {
    const { status = 200, headers: own, body = '' } = GOOD[operation] ?? {};
    return { status, headers: { ...own, ...headers }, body: bodies[operation] ?? body };
  });
}

const UNREADABLE = ['yesterday', '', '2026-13-45T99:99:99Z', '99999-01-01T00:00:00Z', '&#x110000;'];

test.each(UNREADABLE)('the time %j counts as unknown in each response, and no call fails', async time => {
  const server = await serverWithTime(time);
  const store = server.store();
  expect(await store.head('x')).toMatchObject({ sizeBytes: 20_000_000, modifiedMs: undefined });
  await USES.UploadPartCopy!(store);
  expect(await store.abortStale('', 1000, ANY_NAME)).toBe(1);
  expect(server.requests).not.toContain('AbortMultipartUpload /bucket/y');
  expect(server.operations).toEqual(expect.arrayContaining(['UploadPartCopy', 'ListParts']));
  expect(store.counters.retries).toBe(0);
});

test('the sweep reads the start of an upload in another form of time than that of S3', async () => {
  const server = await serverWithTime('Wed, 01 Jan 2020 00:00:00 GMT');
  expect(await server.store().abortStale('', 1000, ANY_NAME)).toBe(2);
});

test.each(['<Initiated', '<Initiated>', '<Initiated a="b">1', '<Initiated/'])(
  'a listing of uploads with 2 MB of %s ends soon',
  async piece => {
    const body = `<ListMultipartUploadsResult>${piece.repeat(2_000_000 / piece.length)}`;
    const server = await scriptedServer(() => ({ body }));
    const begin = performance.now();
    await expect(server.store({ attempts: 1 }).abortStale('', 1000, ANY_NAME)).rejects.toThrow(
      'the response ended early or cannot be read (ListMultipartUploads: 200)',
    );
    expect(performance.now() - begin).toBeLessThan(5000);
  },
);

test.each([
  ['uploads', 'ListMultipartUploads', 100],
  ['parts', 'ListParts', 100],
])('a listing of %s with fresh markers without end ends', async (_, endless, pages) => {
  let count = 0;
  const server = await scriptedServer(operation => {
    if (operation !== endless) return GOOD[operation] ?? { status: 404 };
    count++;
    return {
      body:
        operation === 'ListParts'
          ? `<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>${count}</NextPartNumberMarker></ListPartsResult>`
          : `<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k${String(count).padStart(6, '0')}</NextKeyMarker></ListMultipartUploadsResult>`,
    };
  });
  await server
    .store()
    .abortStale('', 1000, ANY_NAME)
    .catch(() => {});
  expect(server.operations.filter(operation => operation === endless)).toHaveLength(pages);
});
