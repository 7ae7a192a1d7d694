import { expect, test } from 'vitest';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { StoreUnavailableError } from '../../../../src/storage/store-errors.ts';
import { FakeClock } from '../../../retry/fake-clock.ts';
import { collect } from '../../../support/collect.ts';
import { scriptedServer } from '../scripted-server.ts';
import { shortLimits } from '../support.ts';

/** By the clock of the test: no limit but that of the listing passes. */
const timeLimits = {
  ...shortLimits,
  connectMs: 100_000,
  firstByteMs: 100_000,
  firstResponseMs: 100_000,
  idleTimeoutMs: 100_000,
  stalledMs: 100_000,
};

const listAll = async (store: ObjectStore) => (await collect(store.list('p/'))).map(({ name }) => name);

const pageOf = (names: readonly string[], token: string) =>
  `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>${names
    .map(
      name =>
        `<Contents><Key>${name}</Key><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>"e"</ETag><Size>1</Size></Contents>`,
    )
    .join('')}</ListBucketResult>`;

test.each<[string, (page: number) => readonly string[], number, string]>([
  ['ascending names', index => [`p/${String(index).padStart(6, '0')}`], 1001, 'more than 1000 pages'],
  ['the same names', () => ['p/a', 'p/b'], 2, 'the same names again'],
  ['the same two pages', index => [`p/${index % 2}`], 4, 'the same names again'],
  ['the same 30 pages', index => [`p/${99 - (index % 30)}`], 62, 'the same names again'],
  ['descending names', index => [`p/${999_999 - index}`], 1001, 'more than 1000 pages'],
  ['no names', () => [], 33, 'many pages without an object'],
])('a listing with endless fresh tokens and %s is stopped', async (_, names, pages, reason) => {
  let count = 0;
  const server = await scriptedServer(() => ({ body: pageOf(names(count), `token-${count++}`) }));
  await expect(listAll(server.store())).rejects.toThrow(
    expect.objectContaining({
      name: 'StoreUnavailableError',
      message: expect.stringContaining(`has no end: the endpoint sends ${reason}`),
    }),
  );
  expect(server.operations).toHaveLength(pages);
});

test('a listing whose names have no order is read to its end', async () => {
  const names = Array.from({ length: 900 }, (_, index) => `p/${(index * 677) % 900}`);
  let count = 0;
  const server = await scriptedServer(() => {
    const body = pageOf([names[count]!], `token-${count}`);
    return { body: ++count < names.length ? body : body.replace('true', 'false') };
  });
  expect(await listAll(server.store())).toEqual(names);
});

test('a listing with over 2 MiB for the SDK to parse is refused, and one in the usual form is read', async () => {
  const name = `p/${'&#x41;'.repeat(1000)}`;
  const body = pageOf(
    Array.from({ length: 400 }, () => name),
    '',
  ).replace('true', 'false');
  const unusual = body.replaceAll('<Size>1</Size>', '');
  for (const [answer, names] of [
    [body, 400],
    [unusual, undefined],
  ] as const) {
    const server = await scriptedServer(() => ({ body: answer }));
    const listed = await listAll(server.store()).catch((error: unknown) => error);
    if (names !== undefined) expect(listed).toHaveLength(names);
    else expect(listed).toMatchObject({ message: expect.stringContaining('bytes in an unusual form') });
  }
});

test('a listing returns only names under its prefix', async () => {
  const body = pageOf(['a/x', 'p/x', 'q/x'], '').replace('true', 'false');
  const server = await scriptedServer(() => ({ body }));
  expect(await listAll(server.store())).toEqual(['p/x']);
});

test('a listing leaves out an object whose name or ETag is longer than any that S3 has', async () => {
  const body = pageOf(['p/x', `p/${'n'.repeat(1022)}`, `p/${'n'.repeat(1023)}`], '').replace('true', 'false');
  const server = await scriptedServer(() => ({ body }));
  expect(await listAll(server.store())).toEqual(['p/x', `p/${'n'.repeat(1022)}`]);
  const longEtag = body.replace('"e"', `"${'e'.repeat(2000)}"`);
  const other = await scriptedServer(() => ({ body: longEtag }));
  expect(await listAll(other.store())).toEqual([`p/${'n'.repeat(1022)}`]);
});

test('a listing whose continuation token is too long for a request is refused', async () => {
  const server = await scriptedServer(() => ({ body: pageOf(['p/x'], 't'.repeat(8193)) }));
  await expect(listAll(server.store())).rejects.toThrow(
    'the listing of p/ cannot be continued: its token has 8193 characters',
  );
  expect(server.operations).toHaveLength(1);
});

test.each([
  ['an empty document', ''],
  ['another document', '<Foo></Foo>'],
  ['a web page', '<!doctype html><html>login</html>'],
])('%s is not an empty listing', async (_, body) => {
  const server = await scriptedServer(() => ({ body }));
  await expect(listAll(server.store())).rejects.toThrow(StoreUnavailableError);
});

test('a listing of any length is read past a thousand pages', async () => {
  let count = 0;
  const server = await scriptedServer(() => {
    const body = pageOf([`p/${String(count).padStart(6, '0')}`], `token-${count}`);
    return { body: ++count < 1005 ? body : body.replace('true', 'false') };
  });
  expect(await collect(server.store().list('p/', { hasAnyLength: true }))).toHaveLength(1005);
});

test('a listing of over 45 s is refused with its time limit, unless it may have any length', async () => {
  for (const hasAnyLength of [false, true]) {
    const clock = new FakeClock();
    const server = await scriptedServer(async (_, { url = '' }) => {
      if (!url.includes('continuation-token')) return { body: pageOf(['p/a'], 'token') };
      await clock.advance(46_000);
      return { body: pageOf(['p/b'], '').replace('true', 'false') };
    });
    const listed = collect(server.store({ attempts: 1 }, { clock, timeLimits }).list('p/', { hasAnyLength }));
    if (hasAnyLength) expect(await listed).toHaveLength(2);
    else await expect(listed).rejects.toThrow('the listing of p/ takes longer than 45 s');
  }
});
