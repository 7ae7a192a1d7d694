import { expect, test } from 'vitest';
import { findingOf, findingsOf, named } from './findings-of.ts';

test.each([
  ['refused', '501'],
  ['unknown', '400'],
  ['ignored', undefined],
] as const)(
  'doctor reports that the last of two jobs wins where conditions are %s',
  async (conditions, found) => {
    const { findings } = await findingsOf({ quirks: { conditions } });
    expect(named(findings, 'limited')).toEqual(['conditions']);
    expect(findingOf(findings, 'conditions')).toMatchObject({
      found: found === undefined ? 'If-None-Match was ignored.' : expect.stringContaining(found),
      meaning: 'of two jobs that save one key at the same moment, the last one wins, with a whole cache.',
    });
  },
);

test.each([403, 500])(
  'doctor reports a conditional write that fails with %i as a failure, not as an ignored condition',
  async status => {
    const { findings } = await findingsOf({
      refuses: (operation, { headers }) =>
        operation === 'PutObject' && headers['if-none-match'] ? status : undefined,
    });
    expect(named(findings, 'failed')).toEqual(['conditions']);
    expect(findingOf(findings, 'conditions')).toMatchObject({
      found: expect.stringContaining(String(status)),
      meaning: 'jobs cannot save caches until this is fixed.',
    });
  },
);

test('doctor makes no further check of writes where objects cannot be stored, and reads an object of others', async () => {
  const { findings, server } = await findingsOf({
    refuses: operation => (operation === 'PutObject' ? 403 : undefined),
    prepare: ({ content }) => void content.objects.set('cache-s3/v1/x', objectOf('0123456789')),
  });
  expect(named(findings, 'failed')).toEqual(['put']);
  expect(findingOf(findings, 'put')?.fix).toBe(
    'allow s3:PutObject on arn:aws:s3:::bucket/cache-s3/v1/* in the policy of the credentials or the bucket.',
  );
  expect(named(findings, 'skipped')).toEqual(['multipart', 'copy', 'uploads']);
  expect(named(findings, 'ok')).toEqual(expect.arrayContaining(['ETag', 'head', 'get', 'ranges']));
  expect(findingOf(findings, 'ETag')?.found).toBe('the server sends it');
  expect(server.operations).not.toContain('DeleteObject');
});

test('doctor reports that the last use is not noted where markers cannot be stored', async () => {
  const { findings } = await findingsOf({
    refuses: (operation, { url }) =>
      operation === 'PutObject' && url?.includes('/used/v1/') ? 403 : undefined,
  });
  expect(named(findings, 'limited')).toEqual(['markers']);
  expect(findingOf(findings, 'markers')?.fix).toContain(
    's3:PutObject and s3:GetObject on arn:aws:s3:::bucket/cache-s3/used/v1/~/*',
  );
});

test('doctor reports a listing that is not in the order of bytes, and which names are in another one', async () => {
  const { findings } = await findingsOf({
    takeover(operation, { url = '' }) {
      const prefix = new URL(url, 'http://server').searchParams.get('prefix') ?? '';
      if (operation !== 'ListObjectsV2' || !prefix.includes('doctor')) return undefined;
      return (_, to) => {
        const names = ['a', 'B'].map(
          name => `<Contents><Key>${prefix}${name}</Key><ETag>"e"</ETag><Size>1</Size></Contents>`,
        );
        to.end(`<ListBucketResult>${names.join('')}</ListBucketResult>`);
      };
    },
  });
  expect(named(findings, 'limited')).toEqual(['listing order']);
  expect(findingOf(findings, 'listing order')?.found).toMatch(/^\/a \/B in place of \/\S+ \/\S+/);
});

test('doctor names the objects that it cannot delete', async () => {
  const { findings, server } = await findingsOf({
    refuses: (operation, { url }) =>
      operation === 'DeleteObject' && url?.includes('/used/v1/') ? 403 : undefined,
  });
  const { result, meaning } = findingOf(findings, 'delete')!;
  const remaining = [...server.content.objects.keys()];
  expect(remaining).toHaveLength(1);
  expect(result).toBe('limited');
  expect(meaning).toMatch(new RegExp(`with other credentials: ${remaining[0]}\\.$`));
});

test('a delete that fails in another way than by a refusal is a failed check', async () => {
  const { findings } = await findingsOf({
    refuses: operation => (operation === 'DeleteObject' ? 500 : undefined),
  });
  expect(findingOf(findings, 'delete')?.result).toBe('failed');
});

function objectOf(content: string) {
  return { bytes: Buffer.from(content), etag: 'e', metadata: {}, modified: new Date() };
}
