import { test } from 'vitest';
import { bent, data, refuses, tree } from '../../support/refuses.ts';

test.each([
  ['..', 'a name in its manifest is not a single component'],
  ['.', 'a name in its manifest is not a single component'],
  ['', 'a name in its manifest is not a single component'],
  ['a/b', 'a name in its manifest is not a single component'],
  ['/etc/passwd', 'a name in its manifest is not a single component'],
  ['../../outside', 'a name in its manifest is not a single component'],
  ['x\0y', 'its manifest has a wrong number of names'],
])('an entry whose component is %j is refused', async (name, message) => {
  await refuses(bent(tree({ name, data })), message);
});

test('an entry without a parent directory is refused', async () => {
  await refuses(bent([{ name: 'x', depth: 1, data }]), 'an entry of its manifest has no parent directory');
  await refuses(
    bent(tree({ name: 'x', depth: 3, data })),
    'an entry of its manifest has no parent directory',
  );
});

test('a manifest with another number of types than of entries is refused', async () => {
  const object = bent(tree({ name: 'a', data }), ({ columns }) => columns.types.push(0));
  await refuses(object, 'a column of its manifest is too long');
});

test.each([
  'depths',
  'modes',
  'mtimes',
  'mtimeRests',
  'sizes',
  'linkDistances',
  'uids',
  'gids',
  'dataFrames',
  'offsetResiduals',
] as const)('a manifest whose column %s has more numbers than entries is refused', async column => {
  const object = bent(tree({ name: 'a', data }), ({ columns }) => columns[column].push(0));
  await refuses(object, 'a column of its manifest is too long');
});

test.each(['names', 'targets'] as const)(
  'a manifest whose column of %s has more than its entries is refused',
  async column => {
    const object = bent(tree({ name: 'a', data }), ({ columns }) => {
      columns.head.counts = { frames: 1, entries: columns.names.length };
      columns[column].push('x');
    });
    await refuses(object, 'its manifest has a wrong number of names');
  },
);
