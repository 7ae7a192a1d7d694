import { createHash, randomUUID } from 'node:crypto';
import type http from 'node:http';

/** Ways in which servers and reverse proxies differ from S3, each as one of them answers. */
export interface Quirks {
  /** `refused`: Swift's 501. `unknown`: Backblaze B2's 400 to headers that it does not have. `ignored`: 412 to each If-Match, no check of If-None-Match (radosgw with versions). */
  readonly conditions?: 'refused' | 'unknown' | 'ignored';
  /** A suffix longer than the object is 416 (rclone, gofakes3). */
  readonly strictSuffix?: boolean;
  readonly copy?: 'empty' | 'lengthRequired' | 'fails' | 'errorInside' | 'conditionFails';
  /** nginx: client_max_body_size. */
  readonly maxBodyBytes?: number;
  readonly weakEtags?: boolean;
  readonly dropsMetadata?: boolean;
  /** No Content-Length, on HEAD and on bodies. */
  readonly chunked?: boolean;
  /** A range of an empty object: 416 (AWS, radosgw), 200 (Swift), or 206 (MinIO). */
  readonly emptyRange?: 200 | 206 | 416;
  /** A bucket with a default retention. */
  readonly requiresMd5?: boolean;
  readonly refusesHead?: 403 | 405;
  /** The response to the first call of this operation is lost after the server has done it. */
  readonly loses?: string;
}

interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly modified: Date;
}

interface OpenUpload {
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly initiated: Date;
  readonly parts: Map<number, { readonly bytes: Buffer; readonly etag: string }>;
}

/** The content of a bucket: objects by name, uploads by id. */
export interface MemoryContent {
  readonly objects: Map<string, StoredObject>;
  readonly uploads: Map<string, OpenUpload>;
}

export function emptyContent(): MemoryContent {
  return { objects: new Map(), uploads: new Map() };
}

interface Reply {
  readonly status?: number;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

/** The replies of a server with one bucket. */
export class MemoryStore {
  readonly content: MemoryContent;
  readonly #quirks: Quirks;

  constructor(quirks: Quirks, { objects, uploads }: MemoryContent) {
    this.#quirks = quirks;
    this.content = { objects: new Map(objects), uploads: new Map(uploads) };
  }

  /** Carries out an operation, whose request has this body. */
  reply(operation: string, { url = '', headers }: http.IncomingMessage, body: Buffer): Reply {
    const { pathname, searchParams: query } = new URL(url, 'http://server');
    const name = decodeURIComponent(pathname.split('/').slice(2).join('/'));
    const { maxBodyBytes = Number.POSITIVE_INFINITY, requiresMd5, refusesHead } = this.#quirks;
    if (body.length > maxBodyBytes)
      return { status: 413, headers: { 'content-type': 'text/html' }, body: '<html></html>' };
    const sends = operation === 'PutObject' || operation === 'UploadPart';
    if (requiresMd5 && sends && headers['content-md5'] !== md5(body).toString('base64')) {
      return failure(
        400,
        'InvalidRequest',
        'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters',
      );
    }
    switch (operation) {
      case 'AssumeRoleWithWebIdentity':
        return xml('AssumeRoleWithWebIdentityResponse', ROLE_KEYS);
      case 'HeadObject':
        if (refusesHead) return { status: refusesHead };
        return this.#get(name, undefined, undefined);
      case 'GetObject':
        return this.#get(name, headers.range, headers['if-match']);
      case 'PutObject':
        return this.#put(name, headers, body);
      case 'DeleteObject':
        this.content.objects.delete(name);
        return { status: 204 };
      case 'CreateMultipartUpload':
        return this.#create(name, headers);
      case 'UploadPart':
        return this.#part(query, body);
      case 'UploadPartCopy':
        return this.#copy(query, headers);
      case 'CompleteMultipartUpload':
        return this.#complete(name, query, headers, body.toString());
      case 'AbortMultipartUpload':
        return { status: this.content.uploads.delete(query.get('uploadId') ?? '') ? 204 : 404 };
      case 'ListObjectsV2':
        return this.#list(query.get('prefix') ?? '', query.get('continuation-token') ?? '');
      case 'ListMultipartUploads':
        return this.#listUploads(query.get('prefix') ?? '');
      case 'ListParts':
        return this.#listParts(query);
      default:
        return failure(501, 'NotImplemented');
    }
  }

  #quoted(etag: string): string {
    return `${this.#quirks.weakEtags ? 'W/' : ''}"${etag}"`;
  }

  #get(name: string, range: string | undefined, ifMatch: string | undefined): Reply {
    const object = this.content.objects.get(name);
    if (!object) return failure(404, 'NoSuchKey');
    const { bytes, etag, metadata, modified } = object;
    if (ifMatch !== undefined && ifMatch !== `"${etag}"`) return failure(412, 'PreconditionFailed');
    const kept = this.#quirks.dropsMetadata ? {} : metadata;
    const headers = { etag: this.#quoted(etag), 'last-modified': modified.toUTCString(), ...kept };
    const size = bytes.length;
    if (range === undefined) {
      return {
        headers: { ...headers, ...(!this.#quirks.chunked && { 'content-length': size }) },
        body: bytes,
      };
    }
    const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
    if (size === 0 && this.#quirks.emptyRange === 200) return { headers, body: '' };
    if (size === 0 && this.#quirks.emptyRange === 206) {
      return { status: 206, headers: { ...headers, 'content-range': 'bytes 0--1/0' } };
    }
    const isLong = from === '' && Number(to) > size && this.#quirks.strictSuffix;
    const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
    const end = from === '' || to === '' ? size : Math.min(size, Number(to) + 1);
    if (isLong || start >= size) return failure(416, 'InvalidRange');
    const content = { 'content-range': `bytes ${start}-${end - 1}/${size}` };
    return { status: 206, headers: { ...headers, ...content }, body: bytes.subarray(start, end) };
  }

  #lacksConditions(header: string): Reply | undefined {
    switch (this.#quirks.conditions) {
      case 'refused':
        return failure(501, 'NotImplemented', 'Conditional object PUTs are not supported.');
      case 'unknown':
        return failure(400, 'InvalidArgument', `Unsupported header '${header}' received for this API call.`);
      default:
        return undefined;
    }
  }

  /** Returns the refusal of a conditional write, if there is one. */
  #condition(name: string, headers: http.IncomingHttpHeaders): Reply | undefined {
    const { 'if-none-match': none, 'if-match': match } = headers;
    const { conditions } = this.#quirks;
    if (none === undefined && match === undefined) return undefined;
    const lacking = this.#lacksConditions(match === undefined ? 'if-none-match' : 'if-match');
    if (lacking) return lacking;
    const present = this.content.objects.get(name);
    const holds =
      conditions === 'ignored'
        ? match === undefined
        : match === undefined
          ? present === undefined
          : present?.etag === match.replaceAll('"', '');
    return holds ? undefined : failure(412, 'PreconditionFailed');
  }

  #put(name: string, headers: http.IncomingHttpHeaders, bytes: Buffer): Reply {
    const refusal = this.#condition(name, headers);
    if (refusal) return refusal;
    const etag = md5(bytes).toString('hex');
    this.#store(name, bytes, etag, metadataOf(headers));
    return { headers: { etag: this.#quoted(etag), ...this.#version() } };
  }

  #version(): http.OutgoingHttpHeaders {
    return this.#quirks.conditions === 'ignored' ? { 'x-amz-version-id': randomUUID() } : {};
  }

  #store(name: string, bytes: Buffer, etag: string, metadata: StoredObject['metadata']): void {
    this.content.objects.set(name, { bytes, etag, metadata, modified: new Date() });
  }

  #create(name: string, headers: http.IncomingHttpHeaders): Reply {
    const id = randomUUID();
    this.content.uploads.set(id, {
      name,
      metadata: metadataOf(headers),
      initiated: new Date(),
      parts: new Map(),
    });
    return xml('InitiateMultipartUploadResult', `<UploadId>${id}</UploadId>`);
  }

  #upload(query: URLSearchParams): OpenUpload | undefined {
    return this.content.uploads.get(query.get('uploadId') ?? '');
  }

  #part(query: URLSearchParams, bytes: Buffer): Reply {
    const upload = this.#upload(query);
    if (!upload) return failure(404, 'NoSuchUpload');
    const etag = md5(bytes).toString('hex');
    upload.parts.set(Number(query.get('partNumber')), { bytes, etag });
    return { headers: { etag: this.#quoted(etag) } };
  }

  #copy(query: URLSearchParams, headers: http.IncomingHttpHeaders): Reply {
    const { copy } = this.#quirks;
    if (copy === 'empty') return { headers: { etag: '"d41d8cd98f00b204e9800998ecf8427e"' } };
    if (copy === 'lengthRequired') return failure(411, 'MissingContentLength');
    if (copy === 'fails') return failure(500, 'InternalError');
    if (copy === 'errorInside') return { body: failure(500, 'InternalError').body! };
    const source = decodeURIComponent(String(headers['x-amz-copy-source'])).split('/').slice(1).join('/');
    const object = this.content.objects.get(source);
    if (!object) return failure(404, 'NoSuchKey');
    const condition = headers['x-amz-copy-source-if-match'];
    if (condition !== undefined && (copy === 'conditionFails' || condition !== `"${object.etag}"`)) {
      return failure(412, 'PreconditionFailed');
    }
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(String(headers['x-amz-copy-source-range'])) ?? [];
    const reply = this.#part(query, object.bytes.subarray(Number(from), Number(to) + 1));
    if (reply.status) return reply;
    return xml('CopyPartResult', `<ETag>${reply.headers!.etag}</ETag>`);
  }

  #complete(name: string, query: URLSearchParams, headers: http.IncomingHttpHeaders, body: string): Reply {
    const upload = this.#upload(query);
    if (!upload) return failure(404, 'NoSuchUpload');
    const lacking = 'if-none-match' in headers ? this.#lacksConditions('if-none-match') : undefined;
    if (lacking) return lacking;
    const listed = [...body.matchAll(/<PartNumber>(\d+)<|<ETag>([^<]*)</g)].map(
      match => match[1] ?? match[2]!,
    );
    const numbers = listed.filter(text => /^\d{1,5}$/.test(text)).map(Number);
    const etags = listed.filter(text => !/^\d{1,5}$/.test(text)).map(text => text.replace(/&quot;|"/g, ''));
    const parts = numbers.map(number => upload.parts.get(number)!);
    if (parts.some((part, index) => part?.etag !== etags[index])) return failure(400, 'InvalidPart');
    const whole = md5(Buffer.concat(parts.map(({ etag }) => Buffer.from(etag, 'hex')))).toString('hex');
    const etag = `${whole}-${parts.length}`;
    this.#store(name, Buffer.concat(parts.map(({ bytes }) => bytes)), etag, upload.metadata);
    this.content.uploads.delete(query.get('uploadId') ?? '');
    return xml('CompleteMultipartUploadResult', `<ETag>${this.#quoted(etag)}</ETag>`);
  }

  #list(prefix: string, after: string): Reply {
    const names = [...this.content.objects.keys()].filter(name => name.startsWith(prefix));
    const rest = names.sort(byBytes).filter(name => byBytes(name, after) > 0);
    const page = rest.slice(0, 1000);
    const contents = page.map(name => {
      const { etag, bytes, modified } = this.content.objects.get(name)!;
      return `<Contents><Key>${escaped(name)}</Key><LastModified>${modified.toISOString()}</LastModified><ETag>${this.#quoted(etag)}</ETag><Size>${bytes.length}</Size></Contents>`;
    });
    const next = `<NextContinuationToken>${escaped(page.at(-1) ?? '')}</NextContinuationToken>`;
    const more = rest.length > page.length;
    return xml(
      'ListBucketResult',
      `<IsTruncated>${more}</IsTruncated>${more ? next : ''}${contents.join('')}`,
    );
  }

  #listUploads(prefix: string): Reply {
    const uploads = [...this.content.uploads].filter(([, { name }]) => name.startsWith(prefix));
    const listed = uploads.map(
      ([id, { name, initiated }]) =>
        `<Upload><Key>${escaped(name)}</Key><UploadId>${id}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>`,
    );
    return xml('ListMultipartUploadsResult', `<IsTruncated>false</IsTruncated>${listed.join('')}`);
  }

  #listParts(query: URLSearchParams): Reply {
    const upload = this.#upload(query);
    if (!upload) return failure(404, 'NoSuchUpload');
    const parts = [...upload.parts].map(
      ([number, { etag }]) => `<Part><PartNumber>${number}</PartNumber><ETag>"${etag}"</ETag></Part>`,
    );
    return xml('ListPartsResult', `<IsTruncated>false</IsTruncated>${parts.join('')}`);
  }
}

const ROLE_KEYS =
  '<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>b</SecretAccessKey><SessionToken>c</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>';

function md5(bytes: Buffer): Buffer {
  return createHash('md5').update(bytes).digest();
}

function metadataOf(headers: http.IncomingHttpHeaders): Record<string, string> {
  const given = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'));
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function xml(root: string, content: string): Reply {
  return {
    headers: { 'content-type': 'application/xml' },
    body: Buffer.from(`<${root}>${content}</${root}>`),
  };
}

function failure(status: number, code: string, message = ''): Reply {
  return { status, ...xml('Error', `<Code>${code}</Code><Message>${message}</Message>`) };
}
