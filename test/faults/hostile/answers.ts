/** Responses of a hostile server. */

import type http from 'node:http';
import type { Socket } from 'node:net';
import { UPGRADE, writeForever, writeSlowly } from '../../support/servers/hostile-socket.ts';
import type { Takeover } from '../../support/servers/memory-server.ts';

export interface HostileAnswer {
  readonly name: string;
  readonly takeover: Takeover;
  /** The action waits for more of it, so that a signal has something to end. */
  readonly slow?: boolean;
  /** The operations that it can answer. Default: all. */
  readonly operations?: readonly string[];
}

const DRIP_MS = 4000;

/** Discards the request's body and writes to its connection. */
function raw(write: (socket: Socket) => void): Takeover {
  return (from, to) => {
    from.on('error', () => {});
    from.resume();
    if (to.socket) write(to.socket);
  };
}

/** A complete response, after which the connection ends. */
function whole(status: string, body: string, headers = ''): Takeover {
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}`;
  return raw(socket => void socket.end(`${head}\r\n${body}`));
}

const endless = (status: string) =>
  raw(socket => {
    socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 1000000000000\r\n\r\n`);
    writeForever(socket, '<Contents><Key>');
  });

const dripping = (status: string) =>
  raw(socket => {
    socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 1000000\r\n\r\n`);
    writeSlowly(socket, ' ', DRIP_MS);
  });

const MEGABYTES_20 = 20_000_000;

const LISTINGS = ['ListObjectsV2', 'ListMultipartUploads', 'ListParts'];

/** Pages of a listing with fresh markers and ascending names, without end. */
function endlessPages(operation: string): Takeover {
  const root = operation === 'ListObjectsV2' ? 'ListBucketResult' : `${operation}Result`;
  let page = 0;
  return (from, to) => {
    from.resume();
    const at = String(++page).padStart(9, '0');
    const prefix = new URL(from.url ?? '', 'http://bucket').searchParams.get('prefix') ?? '';
    const entry = `<Contents><Key>${prefix}${at}</Key><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>"e"</ETag><Size>1</Size></Contents>`;
    const markers = `<NextContinuationToken>t${at}</NextContinuationToken><NextKeyMarker>k${at}</NextKeyMarker><NextPartNumberMarker>${page}</NextPartNumberMarker>`;
    const body = `<${root}><IsTruncated>true</IsTruncated>${markers}${entry}</${root}>`;
    to.writeHead(200, { 'content-length': body.length }).end(body);
  };
}

export const hostileAnswers: readonly HostileAnswer[] = [
  {
    name: '101 Switching Protocols',
    takeover: raw(socket => void socket.write(UPGRADE)),
  },
  { name: '101 without a protocol', takeover: whole('101 Switching Protocols', '') },
  { name: 'the connection ends', takeover: raw(socket => void socket.end()) },
  { name: 'the connection is reset', takeover: raw(socket => void socket.resetAndDestroy()) },
  { name: 'no response', takeover: raw(() => {}), slow: true },
  {
    name: '103 without end',
    takeover: raw(socket => writeForever(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n')),
  },
  {
    name: 'headers without end',
    takeover: raw(socket => {
      socket.write('HTTP/1.1 200 OK\r\n');
      writeForever(socket, 'x: y\r\n');
    }),
  },
  {
    name: 'a head of a byte every 4 s',
    slow: true,
    takeover: raw(socket => {
      socket.write('HTTP/1.1 200 OK\r\nx: ');
      writeSlowly(socket, 'x', DRIP_MS);
    }),
  },
  { name: '200 and a body without end', takeover: endless('200 OK') },
  { name: '403 and a body without end', takeover: endless('403 Forbidden') },
  { name: '500 and a body without end', takeover: endless('500 Error') },
  { name: '200 and a body of a byte every 4 s', takeover: dripping('200 OK'), slow: true },
  { name: '403 and a body of a byte every 4 s', takeover: dripping('403 Forbidden'), slow: true },
  { name: '200 and 20 MB of <Contents>', takeover: whole('200 OK', '<Contents>'.repeat(MEGABYTES_20 / 10)) },
  { name: '200 and 20,000 levels', takeover: whole('200 OK', '<a>'.repeat(20_000)) },
  {
    name: '200 and 2,500,000 levels',
    takeover: whole('200 OK', `<ListBucketResult>${'<a>'.repeat(2_500_000)}`),
    operations: LISTINGS,
  },
  {
    name: '200 and 7 MB of references to characters',
    takeover: whole(
      '200 OK',
      `<ListBucketResult><Contents><Key>${'&#x41;'.repeat(1_160_000)}</Key></Contents></ListBucketResult>`,
    ),
    operations: LISTINGS,
  },
  {
    name: '200 and chunks of one byte without end',
    takeover: raw(socket => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      writeForever(socket, '1\r\nx\r\n');
    }),
    operations: LISTINGS,
  },
  {
    name: '400 and a code of 20 MB',
    takeover: whole('400 Bad Request', `<Error><Code>${'x'.repeat(MEGABYTES_20)}</Code></Error>`),
  },
  {
    name: '400 and a code that is a workflow command',
    takeover: whole('400 Bad Request', '<Error><Code>a&#10;::error::injected</Code></Error>'),
  },
  { name: '400 and 5,000 document types', takeover: whole('400 Bad Request', '<!DOCTYPE a>'.repeat(5000)) },
  { name: '200 and a web page', takeover: whole('200 OK', '<!doctype html><html>log in</html>') },
  {
    name: '503 and Retry-After: 20',
    takeover: whole('503 Slow Down', '', 'retry-after: 20\r\n'),
    slow: true,
  },
  { name: '302 to itself', takeover: whole('302 Found', '', 'location: /\r\n') },
  { name: '200 and an ETag of 12 KB', takeover: whole('200 OK', '', `etag: "${'e'.repeat(12_000)}"\r\n`) },
  { name: '206 and more bytes than requested', operations: ['GetObject'], takeover: moreThanRequested },
  { name: '206 and a byte every 4 s', operations: ['GetObject'], takeover: drippingRange, slow: true },
  {
    name: '206 of an object of 9 PB',
    operations: ['GetObject'],
    takeover: whole(
      '206 Partial MemoryContent',
      'x',
      'etag: "e"\r\ncontent-range: bytes 8999999999999999-8999999999999999/9000000000000000\r\n',
    ),
  },
  ...LISTINGS.map(operation => ({
    name: 'pages without end',
    operations: [operation],
    takeover: endlessPages(operation),
  })),
];

/** The head of a response to a range request, as if the object ended with the range. */
function rangeHead({ headers }: http.IncomingMessage): {
  readonly head: http.OutgoingHttpHeaders;
  readonly length: number;
} {
  const [, start = '', end = ''] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '') ?? [];
  const [first, last] = start === '' ? [0, Number(end) - 1] : [Number(start), Number(end)];
  const head = { etag: headers['if-match'] ?? '"e"', 'content-range': `bytes ${first}-${last}/${last + 1}` };
  return { head, length: last - first + 1 };
}

function moreThanRequested(from: http.IncomingMessage, to: http.ServerResponse): void {
  from.resume();
  to.writeHead(206, { ...rangeHead(from).head, 'transfer-encoding': 'chunked' }).flushHeaders();
  if (to.socket) writeForever(to.socket, '5\r\nhello\r\n');
}

function drippingRange(from: http.IncomingMessage, to: http.ServerResponse): void {
  from.resume();
  const { head, length } = rangeHead(from);
  to.writeHead(206, { ...head, 'content-length': length }).flushHeaders();
  if (to.socket) writeSlowly(to.socket, 'x', DRIP_MS);
}
