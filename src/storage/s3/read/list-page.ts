import type { HttpResponse } from '@smithy/types';
import type { ObjectInfo } from '../../object-store.ts';
import { bareEtag } from '../calls/object-headers.ts';
import { ListObjectsV2Command, type ListObjectsV2CommandInput, type S3Client } from '../calls/sdk.ts';
import { MAX_PARSED_BYTES, type SdkHandlerOptions } from '../calls/sdk-request-handler.ts';
import { decodeReferences, withPlainTimes } from '../calls/xml-text.ts';
import { knownTime } from '../known-time.ts';
import { ProtocolError } from '../transport/protocol-error.ts';

/** A page of a listing, of at most 1000 objects. */
export interface ListPage {
  readonly objects: readonly ObjectInfo[];
  /** The continuation token of the next page. Undefined on the last page. */
  readonly next: string | undefined;
}

/**
 * Requests one page. Takes the objects out of the response before the SDK parses the rest of it. The SDK takes 30 ms for a
 * thousand objects, for which a restore with many caches would wait (ADR 0013). If an object is not in the plain form that
 * servers write, the SDK parses all.
 */
export async function listPage(
  client: S3Client,
  input: ListObjectsV2CommandInput,
  options: SdkHandlerOptions,
): Promise<ListPage> {
  let taken: ReturnType<typeof takeObjects>;
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
    // This step is directly after the handler, before the SDK parses the response
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
        modifiedMs: knownTime(LastModified),
      })),
    next: IsTruncated ? NextContinuationToken : undefined,
  };
}

/** Decodes UTF-8 and removes a byte order mark. */
const decoder = new TextDecoder();

/** Removes the prefixes of a page's tags: the SDK ignores the elements in `<s3:ListBucketResult>`. */
function withoutPrefixes(page: string): string {
  return page.includes(OPEN) ? page : page.replace(/<(\/?)[A-Za-z_][\w.-]*:/g, '<$1');
}

const OPEN = '<Contents>';
const CLOSE = '</Contents>';

/**
 * Returns the objects of a page and the `rest` without them, in time linear in its length. Returns undefined if one of them has no
 * name, ETag or size in plain text, or if an element has no end or another form, such as `<Contents a="b">`. Then the SDK returns
 * all objects in their order.
 */
export function takeObjects(page: string) {
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
  const modifiedMs = knownTime(textIn(contents, 'LastModified'));
  return { name, sizeBytes: Number(size), etag, modifiedMs };
}

/** Longest spelling of a name of 1024 bytes: a reference of ten characters (`&#x10FFFF;`) for each. */
const MAX_TEXT_LENGTH = 10_240;

/** Returns the text of an element. Returns undefined if it contains more than text, or a text too long for a name. */
function textIn(contents: string, element: string): string | undefined {
  const open = contents.indexOf(`<${element}>`);
  if (open < 0) return undefined;
  const begin = open + element.length + 2;
  const end = contents.indexOf('<', begin);
  if (end - begin > MAX_TEXT_LENGTH || !contents.startsWith(`</${element}>`, end)) return undefined;
  return decodeReferences(contents.slice(begin, end));
}
