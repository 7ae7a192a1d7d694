/** An S3 server with one bucket in memory. It checks no signature, and answers as a hostile server where it is set to. */

import { createHash, randomUUID } from 'node:crypto';
import http from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type LocalServer, listen } from '../../support/servers/listen.ts';
import { operationOf } from '../../support/servers/s3-operation.ts';

interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
}

interface MultipartUpload {
  readonly name: string;
  readonly initiated: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly parts: Map<number, Buffer>;
}

/** The content of the bucket: objects by name, uploads by id. */
export interface Content {
  readonly objects: Map<string, StoredObject>;
  readonly uploads: Map<string, MultipartUpload>;
}

/** Answers a request in place of the bucket. The whole body of the request has not been read. */
export type Takeover = (from: http.IncomingMessage, to: http.ServerResponse) => void;

export interface MemoryBucket extends LocalServer {
  readonly content: Content;
  /** Operations in the order of arrival. */
  readonly operations: readonly string[];
  /** Called for each request. Returns undefined where the bucket is to answer. */
  takeover: (operation: string, from: http.IncomingMessage) => Takeover | undefined;
}

export function emptyContent(): Content {
  return { objects: new Map(), uploads: new Map() };
}

/** Starts a bucket with a copy of some content. */
export async function startMemoryBucket(seed: Content): Promise<MemoryBucket> {
  const content: Content = { objects: new Map(seed.objects), uploads: new Map(seed.uploads) };
  const operations: string[] = [];
  const server = http.createServer(async (from, to) => {
    const operation = operationIn(from);
    operations.push(operation);
    const takeover = bucket.takeover(operation, from);
    if (takeover) return takeover(from, to);
    const sent = await buffer(from).catch(() => undefined);
    if (!sent) return;
    const { status, headers, body = '' } = answer(content, operation, from, sent);
    to.writeHead(status, { date: new Date().toUTCString(), 'content-length': body.length, ...headers }).end(
      body,
    );
  });
  const bucket: MemoryBucket = {
    ...(await listen(server)),
    content,
    operations,
    takeover: () => undefined,
  };
  return bucket;
}

function operationIn({ method = '', url = '', headers }: http.IncomingMessage): string {
  const { pathname, searchParams } = new URL(url, 'http://bucket');
  if (method === 'POST' && pathname === '/') return 'AssumeRoleWithWebIdentity';
  return operationOf(method, searchParams, 'x-amz-copy-source' in headers);
}

interface Reply {
  readonly status: number;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

function answer(
  { objects, uploads }: Content,
  operation: string,
  { url = '', headers }: http.IncomingMessage,
  body: Buffer,
): Reply {
  const { pathname, searchParams: query } = new URL(url, 'http://bucket');
  const name = decodeURIComponent(pathname.split('/').slice(2).join('/'));
  const object = objects.get(name);
  const id = query.get('uploadId') ?? '';
  const upload = uploads.get(id);

  switch (operation) {
    case 'AssumeRoleWithWebIdentity':
      return ok(ROLE_KEYS);
    case 'HeadObject':
      if (!object) return { status: 404 };
      return { status: 200, headers: { ...headersOf(object), 'content-length': object.bytes.length } };
    case 'GetObject':
      return object ? rangeOf(object, headers.range ?? '') : refusal(404, 'NoSuchKey');
    case 'PutObject': {
      if (object && headers['if-none-match'] === '*') return refusal(412, 'PreconditionFailed');
      const etag = md5(body);
      objects.set(name, { bytes: body, etag, metadata: metadataOf(headers) });
      return { status: 200, headers: { etag: `"${etag}"` } };
    }
    case 'ListObjectsV2': {
      const found = [...objects].filter(([key]) => key.startsWith(query.get('prefix') ?? '')).sort();
      const contents = found.map(
        ([key, { bytes, etag }]) =>
          `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>"${etag}"</ETag><Size>${bytes.length}</Size></Contents>`,
      );
      return ok(`<ListBucketResult>${contents.join('')}</ListBucketResult>`);
    }
    case 'CreateMultipartUpload': {
      const uploadId = randomUUID();
      const initiated = new Date().toISOString();
      uploads.set(uploadId, { name, initiated, metadata: metadataOf(headers), parts: new Map() });
      return ok(`<CreateResult><UploadId>${uploadId}</UploadId></CreateResult>`);
    }
    case 'UploadPart':
      if (!upload) return refusal(404, 'NoSuchUpload');
      upload.parts.set(Number(query.get('partNumber')), body);
      return { status: 200, headers: { etag: `"${md5(body)}"` } };
    case 'UploadPartCopy': {
      const source = decodeURIComponent(String(headers['x-amz-copy-source']).replace(/^\/?[^/]*\//, ''));
      const [, begin, last] = /^bytes=(\d+)-(\d+)$/.exec(String(headers['x-amz-copy-source-range'])) ?? [];
      const bytes = objects.get(source)?.bytes.subarray(Number(begin), Number(last) + 1);
      if (!upload || !bytes) return refusal(404, 'NoSuchKey');
      upload.parts.set(Number(query.get('partNumber')), bytes);
      return ok(`<CopyPartResult><ETag>"${md5(bytes)}"</ETag></CopyPartResult>`);
    }
    case 'CompleteMultipartUpload': {
      if (!upload) return refusal(404, 'NoSuchUpload');
      const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
      const etag = `${md5(...parts.map(part => Buffer.from(md5(part), 'hex')))}-${parts.length}`;
      objects.set(name, { bytes: Buffer.concat(parts), etag, metadata: upload.metadata });
      uploads.delete(id);
      return ok(`<CompleteResult><ETag>"${etag}"</ETag></CompleteResult>`);
    }
    case 'AbortMultipartUpload':
      return { status: uploads.delete(id) ? 204 : 404 };
    case 'ListMultipartUploads': {
      const listed = [...uploads].map(
        ([uploadId, one]) =>
          `<Upload><Key>${one.name}</Key><UploadId>${uploadId}</UploadId><Initiated>${one.initiated}</Initiated></Upload>`,
      );
      return ok(`<ListMultipartUploadsResult>${listed.join('')}</ListMultipartUploadsResult>`);
    }
    case 'ListParts': {
      if (!upload) return refusal(404, 'NoSuchUpload');
      const parts = [...upload.parts].map(
        ([number, bytes]) => `<Part><PartNumber>${number}</PartNumber><ETag>"${md5(bytes)}"</ETag></Part>`,
      );
      return ok(`<ListPartsResult>${parts.join('')}</ListPartsResult>`);
    }
    default:
      return refusal(501, 'NotImplemented');
  }
}

/** The part of an object that a Range header names. */
function rangeOf(object: StoredObject, range: string): Reply {
  const { bytes } = object;
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  const start = first === '' ? Math.max(0, bytes.length - Number(last)) : Number(first);
  const end = first === '' || last === '' ? bytes.length : Math.min(bytes.length, Number(last) + 1);
  if (start >= bytes.length) return refusal(416, 'InvalidRange');
  const headers = { ...headersOf(object), 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` };
  return { status: 206, headers, body: bytes.subarray(start, end) };
}

function ok(body: string): Reply {
  return { status: 200, body };
}

function refusal(status: number, code: string): Reply {
  return { status, body: `<Error><Code>${code}</Code></Error>` };
}

const ROLE_KEYS =
  '<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>b</SecretAccessKey><SessionToken>c</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>';

function headersOf({ etag, metadata }: StoredObject): http.OutgoingHttpHeaders {
  return { etag: `"${etag}"`, 'last-modified': new Date(0).toUTCString(), ...metadata };
}

function metadataOf(headers: http.IncomingHttpHeaders): Record<string, string> {
  const entries = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'));
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

function md5(...pieces: readonly Buffer[]): string {
  const hash = createHash('md5');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}
