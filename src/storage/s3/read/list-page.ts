import type { HttpResponse } from '@smithy/types';
import type { ObjectInfo } from '../../object-store.ts';
import { bareEtag, knownTime } from '../calls/object-headers.ts';
import { ListObjectsV2Command, type ListObjectsV2CommandInput, type S3Client } from '../calls/sdk.ts';
import { MAX_PARSED_BYTES, type SdkHandlerOptions } from '../calls/sdk-request-handler.ts';
import { ProtocolError } from '../transport/protocol-error.ts';

/** A page of a listing, of at most 1000 objects. */
export interface ListPage {
  readonly objects: readonly ObjectInfo[];
  /** The continuation token of the next page. Undefined on the last page. */
  readonly next: string | undefined;
}

/**
 * Requests one page. Takes the objects out of the response before the SDK parses the rest of it: the SDK needs 30 ms for
 * a thousand objects, and a restore-key among many caches waits for nothing else (ADR 0013). Where one object is
 * not of the plain form that servers write, the SDK parses all.
 */
export async function listPage(
  client: S3Client,
  input: ListObjectsV2CommandInput,
  options: SdkHandlerOptions,
): Promise<ListPage> {
  let taken: TakenObjects | undefined;
  const command = new ListObjectsV2Command(input);
  command.middlewareStack.add(
    next => async args => {
      const result = await next(args);
      const response = result.response as HttpResponse;
      if (response.statusCode !== 200) return result;
      const page = withoutPrefixes(decoder.decode(response.body as Buffer));
      if (!page.includes('ListBucketResult')) {
        throw new ProtocolError('the response is not a listing, so this is no S3 server');
      }
      taken = takeObjects(page);
      response.body = Buffer.from(taken?.rest ?? withPlainTimes(page));
      if (response.body.length > MAX_PARSED_BYTES) {
        throw new ProtocolError(
          `a page of the listing has over ${MAX_PARSED_BYTES} bytes in an unusual form`,
        );
      }
      return result;
    },
    // Next to the handler: before the SDK's own
    { step: 'deserialize', priority: 'low' },
  );
  const { Contents = [], IsTruncated, NextContinuationToken } = await client.send(command, options);
  return {
    objects:
      taken?.objects ??
      Contents.map(({ Key, Size, ETag, LastModified }) => ({
        name: Key ?? '',
        sizeBytes: Size ?? 0,
        etag: bareEtag(ETag) ?? '',
        modifiedMs: knownTime(LastModified?.getTime()),
      })),
    next: IsTruncated ? NextContinuationToken : undefined,
  };
}

/** Decodes UTF-8, without a byte order mark before it. */
const decoder = new TextDecoder();

/** Returns a page without the prefixes of its tags: the SDK ignores the elements of a page in `<s3:ListBucketResult>`. */
function withoutPrefixes(page: string): string {
  return page.includes(OPEN) ? page : page.replace(/<(\/?)[A-Za-z_][\w.-]*:/g, '<$1');
}

/**
 * Returns a page with its times in the form that the SDK reads. Leaves out those that are none: the SDK would refuse the whole
 * page.
 */
function withPlainTimes(page: string): string {
  return page.replace(
    /<LastModified\b[^<>]*>([^<]*)<\/LastModified>|<LastModified\b[^<>]*\/>/g,
    (_, text = '') => {
      const ms = knownTime(Date.parse(unescaped(text) ?? ''));
      // The SDK reads years of four digits
      if (ms === undefined || ms >= Date.UTC(10_000)) return '';
      return `<LastModified>${new Date(ms).toISOString()}</LastModified>`;
    },
  );
}

interface TakenObjects {
  readonly objects: readonly ObjectInfo[];
  /** The page without these objects. */
  readonly rest: string;
}

const OPEN = '<Contents>';
const CLOSE = '</Contents>';

/**
 * Takes the objects out of a page, in time linear in its length. Returns undefined if an object lacks a name, ETag or
 * size, or has one in another form than a number or text, if the last object is not closed, and if an element has another form,
 * such as `<Contents a="b">`: the SDK then returns all objects in their order.
 */
export function takeObjects(page: string): TakenObjects | undefined {
  const objects: ObjectInfo[] = [];
  let rest = '';
  let at = 0;
  for (let open = page.indexOf(OPEN); open >= 0; open = page.indexOf(OPEN, at)) {
    const close = page.indexOf(CLOSE, open);
    const object = close < 0 ? undefined : objectIn(page.slice(open + OPEN.length, close));
    if (!object) return undefined;
    objects.push(object);
    rest += page.slice(at, open);
    at = close + CLOSE.length;
  }
  rest += page.slice(at);
  return rest.includes('<Contents') ? undefined : { objects, rest };
}

function objectIn(contents: string): ObjectInfo | undefined {
  const name = textIn(contents, 'Key');
  const etag = bareEtag(textIn(contents, 'ETag'));
  const size = textIn(contents, 'Size') ?? '';
  if (!name || !etag || !/^\d{1,15}$/.test(size)) return undefined;
  const modifiedMs = knownTime(Date.parse(textIn(contents, 'LastModified') ?? ''));
  return { name, sizeBytes: Number(size), etag, modifiedMs };
}

/** Longest spelling of a name of 1024 bytes: a reference of ten characters (`&#x10FFFF;`) for each. */
const MAX_TEXT_LENGTH = 10_240;

/** Returns the text of an element that holds nothing but text, of a length that a name can have. */
function textIn(contents: string, element: string): string | undefined {
  const open = contents.indexOf(`<${element}>`);
  if (open < 0) return undefined;
  const begin = open + element.length + 2;
  const end = contents.indexOf('<', begin);
  if (end - begin > MAX_TEXT_LENGTH || !contents.startsWith(`</${element}>`, end)) return undefined;
  return unescaped(contents.slice(begin, end));
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Decodes references to characters (XML 1.0, 4.1 and 4.6). Returns undefined if one names no character. */
function unescaped(text: string): string | undefined {
  if (!text.includes('&')) return text;
  let valid = true;
  const decoded = text.replace(
    /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));/g,
    (_, decimal, hexadecimal, name) => {
      if (name) return NAMED[name]!;
      const code = Number(decimal ?? `0x${hexadecimal}`);
      valid &&= code <= 0x10ffff;
      return valid ? String.fromCodePoint(code) : '';
    },
  );
  return valid ? decoded : undefined;
}
