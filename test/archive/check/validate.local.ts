import { describe, expect, test } from 'vitest';
import { anyNames, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { describeTree } from '../../support/tree.ts';
import { layoutIn, restoreBytes } from '../support/archives.ts';
import { type ForgedEntry, sha256Of } from '../support/craft.ts';
import { bent, data, refuses, tree } from '../support/refuses.ts';

test('the unmodified forged archive is restored', async () => {
  const to = scratch();
  const object = bent(
    tree(
      { name: 'a', data },
      { name: 'b/', depth: 1 },
      { name: 'c', depth: 2, data: 'c' },
      { name: 'l', target: 'a' },
    ),
  );
  await restoreBytes(object, layoutIn(to));
  const found = await describeTree(to);
  expect(Object.keys(found)).toEqual(['tree', 'tree/a', 'tree/b', 'tree/b/c', 'tree/l']);
  expect(found['tree/a']?.sha256).toBe(sha256Of(data).toString('hex'));
});

describe('names', () => {
  const inWorkspace = 'is outside the `path` of this step';
  test.each<[string, ForgedEntry, string]>([
    ['outside the paths of the step', { name: './elsewhere', data }, inWorkspace],
    ['with a longer first component', { name: './treex', data }, inWorkspace],
    ['absolute', { name: '/etc/cache-s3-test', data }, inWorkspace],
    ['of the home directory', { name: '~/.bashrc', data }, inWorkspace],
    ['above by ..', { name: './tree/../../outside', data }, 'has an empty, `.` or `..` component'],
    ['above by .. in an absolute name', { name: '/../outside', data }, 'has an empty, `.` or `..` component'],
    ['with . in between', { name: './tree/./x', data }, 'has an empty, `.` or `..` component'],
    ['with an empty component', { name: './tree//x', data }, 'has an empty, `.` or `..` component'],
    ['with no anchor', { name: 'tree/x', data }, 'does not begin with'],
    ['of no characters', { name: '', data }, 'does not begin with'],
    ['of the anchor alone', { name: './', data: '' }, inWorkspace],
    ['of another user', { name: '~root/x', data }, 'does not begin with'],
    [
      'in a directory that is not in the archive',
      { name: './tree/sub/x', data },
      'has a parent that `path` includes and the archive does not',
    ],
  ])('a name %s is refused', async (_, entry, message) => {
    await refuses(bent([entry]), message);
  });

  test.each(['../', './', '/', 'a/b/', 'a'])('the directory component %j is refused', async name => {
    await refuses(
      bent(tree({ name, type: 1 }, { name: 'x', depth: 2, data })),
      /not a single component|does not fit its type/,
    );
  });

  test('a file with the name of a directory is refused', async () => {
    await refuses(bent([{ name: './tree/', type: 0, data }]), 'has a name that does not fit its type');
  });

  test('duplicate and unordered names are refused', async () => {
    await refuses(
      bent(tree({ name: 'a', data }, { name: 'a', data })),
      'is a duplicate or not in byte order',
    );
    await refuses(
      bent(tree({ name: 'b', data }, { name: 'a', data })),
      'is a duplicate or not in byte order',
    );
  });

  test('a name of both a file and a directory is refused', async () => {
    await refuses(
      bent(tree({ name: 'a', data }, { name: 'a/' }, { name: 'x', depth: 2 })),
      'is also an entry of another type',
    );
  });

  test('a name that `path` excludes is refused', async () => {
    const patterns = ['tree', '!tree/skip'];
    const object = bent(tree({ name: 'skip/' }, { name: 'x', depth: 2, data }));
    await refuses(object, 'is excluded by `path`', { patterns });
  });

  test.each(['./tree/../', './tree/./', './tree//', './tree/..', './tree/.'])(
    'the full name %j is refused although its directory is in the archive',
    async name => {
      await refuses(bent([...tree(), { name }]), 'has an empty, `.` or `..` component');
    },
  );

  test(
    'a name with a line break is quoted raw in the error, which the log escapes',
    requires(anyNames),
    async () => {
      await refuses(bent([{ name: './x\n::error::y', data }]), './x\n::error::y is outside');
    },
  );

  test('a message quotes only the ends of a long name', async () => {
    const object = bent([{ name: `./elsewhere/${'n'.repeat(200)}/${'o'.repeat(200)}`, data }]);
    await refuses(object, /^its entry .\/elsewhere\/n{88}…o{100} is outside/);
  });
});
