import { expect, test } from 'vitest';
import { htmlPage } from '../../../src/command/stats/html-page.ts';
import { Tally } from '../../../src/command/stats/tally.ts';
import { cacheEntry, NOW } from './cache-entry.ts';

const facts = { place: 'bucket ci', prefix: 'cache-s3', madeMs: NOW, top: 2 };

/** Returns the plot below a title. */
const plot = (page: string, title: string) => page.split(`<h2>${title}</h2>`)[1]?.split('</section>')[0];

test('the page escapes foreign text of keys, repositories, scopes, the place and the prefix', () => {
  const tally = new Tally();
  const hostile = '</svg></title><script>alert(1)</script>';
  tally.add(cacheEntry(1, 1, { repository: hostile, scope: hostile, key: hostile }), NOW);
  const page = htmlPage(tally, { ...facts, place: hostile, prefix: hostile });
  expect(page).not.toContain('<script');
  expect(page.match(/&#60;script&#62;/g)?.length).toBeGreaterThanOrEqual(6);
});

test('the policy of the page forbids scripts and requests', () => {
  expect(htmlPage(new Tally(), facts)).toContain(
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
  );
});

test('the tiles of the page have the figures of the store, and those of an empty one are 0', () => {
  const tiles = (tally: Tally) =>
    [...htmlPage(tally, facts).matchAll(/<strong>(.*)<\/strong><span>(.*)<\/span>/g)].map(
      ([, value, name]) => `${name}: ${value}`,
    );
  const tally = new Tally();
  for (const idle of [undefined, undefined, 1]) tally.add(cacheEntry(2, idle), NOW);
  tally.strayMarkers = 4;
  tally.foreignObjects = 5;
  expect(tiles(tally)).toEqual([
    ...['caches: 3', 'size: 3.0 kB', 'repositories: 1', 'last use noted: 33 %'],
    ...['markers without a cache: 4', 'objects of other programs: 5'],
  ]);
  expect(tiles(new Tally())).toContain('last use noted: 0 %');
});

test('the page has plots by time and the largest groups, as many as --top', () => {
  const tally = new Tally();
  for (const [at, repository] of ['org/a', 'org/b', 'org/c'].entries())
    tally.add(cacheEntry(10, 3, { repository, sizeBytes: 1000 * (at + 1) }), NOW);
  const page = htmlPage(tally, facts);
  expect([...page.matchAll(/<h2>(.*)<\/h2>/g)].map(([, title]) => title)).toEqual([
    ...['Size by last use', 'Size by age', 'Freed by prune --unused'],
    ...['Repositories', 'Scopes', 'Key prefixes'],
  ]);
  expect(plot(page, 'Size by last use')).toContain('<title>2 to 4 d: 6.0 kB, 3 caches</title>');
  expect(plot(page, 'Size by age')).toContain('<title>7 to 14 d: 6.0 kB, 3 caches</title>');
  expect(plot(page, 'Freed by prune --unused')).toContain(
    '<title>prune --unused 3d deletes 0 caches, 0 B</title>',
  );
  expect(plot(page, 'Repositories')?.match(/<title>.*<\/title>/g)).toEqual([
    '<title>org/c: 3.0 kB, 1 cache, last used 3 d ago</title>',
    '<title>org/b: 2.0 kB, 1 cache, last used 3 d ago</title>',
  ]);
});
