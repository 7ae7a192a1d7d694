import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { listPage, takeObjects } from '../../../../src/storage/s3/read/list-page.ts';

const ETAG = '5d41402abc4b2a76b9719d911017c592';

interface Written {
  readonly key: string;
  readonly etag?: string;
  readonly size?: string;
  readonly modified?: string;
}

/** An object as radosgw 16.2.15 and AWS write it, with fields that the reader ignores. */
function contents({
  key,
  etag = `&quot;${ETAG}&quot;`,
  size = '12',
  modified = '2026-11-21T10:00:00.123Z',
}: Written): string {
  return `<Contents><Key>${key}</Key><LastModified>${modified}</LastModified><ETag>${etag}</ETag><Size>${size}</Size>
    <StorageClass>STANDARD</StorageClass><Owner><ID>1</ID><DisplayName>a &lt;Key&gt;</DisplayName></Owner><Type>Normal</Type></Contents>`;
}

function pageOf(objects: string, rest = '<IsTruncated>false</IsTruncated>'): string {
  return `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>ci</Name><Prefix>p</Prefix><MaxKeys>1000</MaxKeys>${rest}${objects}</ListBucketResult>`;
}

/** A client that receives this response. */
function clientThatReceives(page: string, statusCode = 200): S3Client {
  return new S3Client({
    region: 'us-east-1',
    endpoint: 'http://s3.example.org',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
    requestHandler: {
      handle: async () => ({ response: { statusCode, headers: {}, body: Buffer.from(page) } }),
    },
  });
}

const input = { Bucket: 'ci', Prefix: 'p' };

describe('the reader finds the objects in a page that the SDK finds', () => {
  test.each([
    ['no object', []],
    ['two objects', [{ key: 'p/a' }, { key: 'p/b', size: '0', modified: '2026-11-21T10:00:00Z' }]],
    ['an object of several parts', [{ key: 'p/a', etag: `&#34;${ETAG}-16&#34;`, size: '5497558138880' }]],
    ['an ETag without quotes', [{ key: 'p/a', etag: ETAG }]],
    ['names with references to characters', [{ key: 'p/&lt;&gt;&amp;amp;&quot;&apos;&#38;&#xFC;ü😀' }]],
  ] satisfies [string, Written[]][])('%s', async (_, objects) => {
    const page = pageOf(objects.map(contents).join(''));
    const { Contents = [] } = await clientThatReceives(page).send(new ListObjectsV2Command(input));
    expect(Contents).toHaveLength(objects.length);
    expect(takeObjects(page)?.objects).toEqual(
      Contents.map(({ Key, Size, ETag, LastModified }) => ({
        name: Key,
        sizeBytes: Size,
        etag: ETag?.replaceAll('"', ''),
        modifiedMs: LastModified?.getTime(),
      })),
    );
  });
});

test('a page whose tags have the prefix of a namespace is read as one without', async () => {
  const rest = '<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>';
  const page = pageOf(contents({ key: 'p/a:b&lt;x:' }), rest).replace(/<(\/?)(?=[A-Z])/g, '<$1s3:');
  expect(page).toContain('<s3:Key>');
  expect(await listPage(clientThatReceives(page), input, {})).toEqual({
    objects: [
      { name: 'p/a:b<x:', sizeBytes: 12, etag: ETAG, modifiedMs: Date.UTC(2026, 10, 21, 10, 0, 0, 123) },
    ],
    next: 't',
  });
});

test('the SDK reads the continuation token of a page', async () => {
  const rest =
    '<IsTruncated>true</IsTruncated><NextContinuationToken>p/a&amp;b</NextContinuationToken><KeyCount>1</KeyCount>';
  const { objects, next } = await listPage(
    clientThatReceives(pageOf(contents({ key: 'p/a' }), rest)),
    input,
    {},
  );
  expect(objects).toEqual([
    { name: 'p/a', sizeBytes: 12, etag: ETAG, modifiedMs: Date.UTC(2026, 10, 21, 10, 0, 0, 123) },
  ]);
  expect(next).toBe('p/a&b');
});

test('the last page of a listing has no next page, also where it names a token', async () => {
  const rest = '<IsTruncated>false</IsTruncated><NextContinuationToken>x</NextContinuationToken>';
  expect((await listPage(clientThatReceives(pageOf('', rest)), input, {})).next).toBeUndefined();
});

test.each([
  ['no size', contents({ key: 'p/a' }).replace(/<Size>.*<\/Size>/, '')],
  ['a size that is not a number', contents({ key: 'p/a', size: 'much' })],
  ['no ETag', contents({ key: 'p/a', etag: '' })],
  ['a name in a CDATA section', contents({ key: '<![CDATA[p/a]]>' })],
  ['a negative size', contents({ key: 'p/a', size: '-1' })],
  ['a reference to a character that does not exist', contents({ key: 'p/&#x110000;' })],
  ['a name longer than any', contents({ key: `p/${'&#x41;'.repeat(2000)}` })],
  ['a closing tag without an opening one', contents({ key: 'p/a' }).replace('<Key>', '<key>')],
])('the reader leaves a page to the SDK where an object has %s', (_, object) => {
  expect(takeObjects(pageOf(contents({ key: 'p/b' }) + object))).toBeUndefined();
});

test('a page with two forms of an object is listed in its order', async () => {
  const other = contents({ key: 'p/a' }).replace('<Contents>', '<Contents a="b">');
  const page = pageOf(other + contents({ key: 'p/b' }));
  const { objects } = await listPage(clientThatReceives(page), input, {});
  expect(objects.map(({ name }) => name)).toEqual(['p/a', 'p/b']);
});

test.each(['', 'today', '1767225600000', '+999999-01-01T00:00:00Z', '0001-01-01T00:00:00Z'])(
  'the time of an object is not known where the server sends %j, and the object is listed',
  async modified => {
    const page = pageOf(contents({ key: 'p/a', modified }) + contents({ key: 'p/b' }));
    const { objects } = await listPage(clientThatReceives(page), input, {});
    expect(objects.map(({ name, modifiedMs }) => [name, modifiedMs])).toEqual([
      ['p/a', undefined],
      ['p/b', Date.UTC(2026, 10, 21, 10, 0, 0, 123)],
    ]);
  },
);

test('a time before 1970 is not known in a page that the SDK reads too', async () => {
  const object = contents({ key: 'p/a', modified: '0001-01-01T00:00:00Z' });
  const page = pageOf(object.replace('<Contents>', '<Contents a="b">'));
  expect((await listPage(clientThatReceives(page), input, {})).objects).toEqual([
    { name: 'p/a', sizeBytes: 12, etag: ETAG, modifiedMs: undefined },
  ]);
});

test.each([
  ['', undefined],
  ['today', undefined],
  ['+012000-01-01T00:00:00Z', undefined],
  ['2026-13-21T10:00:00Z', undefined],
  ['2026-11-21 10:00:00Z', Date.UTC(2026, 10, 21, 10)],
  ['Sat, 21 Nov 2026 10:00:00 GMT', Date.UTC(2026, 10, 21, 10)],
  ['2026-11-21T10:00:00&#46;5Z', Date.UTC(2026, 10, 21, 10, 0, 0, 500)],
])('an object of a page that the SDK reads is listed if its time is %j', async (modified, modifiedMs) => {
  const object = contents({ key: 'p/a', modified });
  const elements = [object, object.replace('<LastModified>', '<LastModified c="d">')];
  if (modified === '') elements.push(object.replace('<LastModified></LastModified>', '<LastModified />'));
  for (const element of elements) {
    const page = pageOf(element.replace('<Contents>', '<Contents a="b">') + contents({ key: 'p/b' }));
    const { objects } = await listPage(clientThatReceives(page), input, {});
    expect(objects).toEqual([
      { name: 'p/a', sizeBytes: 12, etag: ETAG, modifiedMs },
      { name: 'p/b', sizeBytes: 12, etag: ETAG, modifiedMs: Date.UTC(2026, 10, 21, 10, 0, 0, 123) },
    ]);
  }
});

test.each(['<LastModified', '<LastModified>', '<LastModified a="b">1', '<LastModified/'])(
  'a page of 8 MB of %s is refused in linear time',
  async piece => {
    const page = pageOf(`<Contents a="b">${piece.repeat(8_000_000 / piece.length)}`);
    await expect(listPage(clientThatReceives(page), input, {})).rejects.toThrow(
      'a page of the listing has over 2097152 bytes in an unusual form',
    );
  },
);

test('an object whose element has an attribute is listed beside those that have none', async () => {
  const other = contents({ key: 'p/b' }).replace('<Contents>', '<Contents a="b">');
  const page = pageOf(contents({ key: 'p/a' }) + other);
  const { objects } = await listPage(clientThatReceives(page), input, {});
  expect(objects.map(({ name }) => name)).toEqual(['p/a', 'p/b']);
});

test('a page of a listing may begin with a byte order mark', async () => {
  const page = `\uFEFF${pageOf(contents({ key: 'p/a' }))}`;
  expect((await listPage(clientThatReceives(page), input, {})).objects).toHaveLength(1);
});

test('the SDK reads the objects of a page that the reader leaves to it', async () => {
  const page = pageOf(contents({ key: '<![CDATA[p/a&b]]>' }) + contents({ key: 'p/c' }));
  const { objects } = await listPage(clientThatReceives(page), input, {});
  expect(objects.map(({ name }) => name)).toEqual(['p/a&b', 'p/c']);
});

test.each([
  ['within an object', pageOf(contents({ key: 'p/a' }) + contents({ key: 'p/b' })).slice(0, -150)],
  ['after the last object', pageOf(contents({ key: 'p/a' })).slice(0, -10)],
])('a page that ends early, %s, is an error', async (_, page) => {
  await expect(listPage(clientThatReceives(page), input, {})).rejects.toThrow();
});

test('the SDK reads the error of a refused listing', async () => {
  const refusal = '<Error><Code>NoSuchBucket</Code></Error>';
  await expect(listPage(clientThatReceives(refusal, 404), input, {})).rejects.toMatchObject({
    name: 'NoSuchBucket',
    $metadata: { httpStatusCode: 404 },
  });
});

test('the reader decodes a character beyond the first 65,536, which the SDK does not', () => {
  expect(takeObjects(pageOf(contents({ key: 'p/&#128512;&#x1F600;' })))?.objects[0]?.name).toBe('p/😀😀');
});

// With a regular expression each of these took minutes, which no signal could end.
test.each([
  ['objects that are never closed', '<Contents>'],
  ['names that are never closed', '<Contents><Key>'],
  ['references that are never closed', '<Contents><Key>&#1'],
  ['objects without fields', '<Contents>x</Contents>'],
])('the reader needs linear time for 8 MB of %s', (_, piece) => {
  expect(takeObjects(piece.repeat(8_000_000 / piece.length))).toBeUndefined();
});
