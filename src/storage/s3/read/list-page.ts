import type { HttpHandlerOptions, HttpResponse } from '@smithy/types';
import type { ObjectInfo } from '../../object-store.ts';
import { bareEtag } from '../calls/object-headers.ts';
import { ListObjectsV2Command, type ListObjectsV2CommandInput, type S3Client } from '../calls/sdk.ts';

/** A page of a listing, of at most 1000 objects. */
export interface ListPage {
  readonly objects: readonly ObjectInfo[];
  /** Asks for the page after it; undefined: it is the last. */
  readonly next: string | undefined;
}

/**
 * Asks for one page. Its objects are taken out of the answer before the SDK reads what is left of it: the SDK takes
 * 30 ms for a thousand of them, and a restore-key among many caches waits for nothing else (ADR 0013). Where the objects
 * are not of the plain form that the servers write, the SDK reads them as well.
 */
export async function listPage(
  client: S3Client,
  input: ListObjectsV2CommandInput,
  options: HttpHandlerOptions,
): Promise<ListPage> {
  let taken: TakenObjects | undefined;
  const command = new ListObjectsV2Command(input);
  command.middlewareStack.add(
    next => async args => {
      const answer = await next(args);
      const response = answer.response as HttpResponse;
      if (response.statusCode !== 200) return answer;
      const page = await textOf(response.body);
      taken = takeObjects(page);
      response.body = Buffer.from(taken?.rest ?? page);
      return answer;
    },
    // Next to the handler: before the SDK's own
    { step: 'deserialize', priority: 'low' },
  );
  const { Contents = [], IsTruncated, NextContinuationToken } = await client.send(command, options);
  const objects =
    taken?.objects ??
    Contents.map(({ Key, Size, ETag, LastModified }) => ({
      name: Key ?? '',
      sizeBytes: Size ?? 0,
      etag: bareEtag(ETag) ?? '',
      modifiedMs: LastModified?.getTime() ?? 0,
    }));
  return { objects, next: IsTruncated ? NextContinuationToken : undefined };
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

interface TakenObjects {
  readonly objects: readonly ObjectInfo[];
  /** The page without them. */
  readonly rest: string;
}

const CONTENTS = /<Contents>(.*?)<\/Contents>/gs;

/** undefined: what is read of an object is not there, or is in another form than a number, a date, text. */
export function takeObjects(page: string): TakenObjects | undefined {
  const objects: ObjectInfo[] = [];
  for (const [, contents] of page.matchAll(CONTENTS)) {
    const name = textIn(contents!, 'Key');
    const etag = bareEtag(textIn(contents!, 'ETag'));
    const sizeBytes = Number(textIn(contents!, 'Size') || Number.NaN);
    const modifiedMs = Date.parse(textIn(contents!, 'LastModified') ?? '');
    if (!name || !etag || !Number.isSafeInteger(sizeBytes) || Number.isNaN(modifiedMs)) return undefined;
    objects.push({ name, sizeBytes, etag, modifiedMs });
  }
  return { objects, rest: page.replace(CONTENTS, '') };
}

/** Of an element that holds nothing but text. */
function textIn(contents: string, element: string): string | undefined {
  const begin = contents.indexOf(`<${element}>`) + element.length + 2;
  const end = contents.indexOf('<', begin);
  return contents.startsWith(`</${element}>`, end) ? unescaped(contents.slice(begin, end)) : undefined;
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** XML 1.0, 4.1 and 4.6: what stands for a character in an element's text. */
function unescaped(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(
    /&(?:#(\d+)|#x([0-9a-fA-F]+)|(amp|lt|gt|quot|apos));/g,
    (_, decimal, hexadecimal, name) =>
      name ? NAMED[name]! : String.fromCodePoint(Number(decimal ?? `0x${hexadecimal}`)),
  );
}
