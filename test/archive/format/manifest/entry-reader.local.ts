import { describe, expect, test } from 'vitest';
import { forge, writeForgery } from '../../support/craft.ts';
import { bent, refuses } from '../../support/refuses.ts';

describe('the reader of entries', () => {
  const deep = (levels: number) => [
    { name: './tree/' },
    ...Array.from({ length: levels }, (_, index) => ({ name: 'd/', depth: index + 1 })),
  ];

  test('an object of 1.5 KB with a name of six million levels is refused', async () => {
    const object = bent([{ name: `./tree/${'d/'.repeat(6_000_000)}x` }]);
    expect(object.length).toBeLessThan(4000);
    await refuses(object, 'a name in its manifest is too long');
  });

  test('directories of 20,000 levels are refused', async () => {
    await refuses(writeForgery(forge(deep(20_000))), 'a name in its manifest is too long');
  });

  test.each([
    ['more than 32,767 bytes', [{ name: `./tree/${`${'n'.repeat(999)}/`.repeat(33)}` }]],
    ['a component of 1,025 bytes', [{ name: './tree/' }, { name: 'n'.repeat(1025), depth: 1 }]],
    ['a component of 1,026 bytes in 342 characters', [{ name: `./tree/${'日'.repeat(342)}` }]],
    ['a link target of 32,768 bytes', [{ name: './tree', target: 't'.repeat(32_768) }]],
  ])('a name of %s is refused', async (_, entries) => {
    await refuses(bent(entries), 'a name in its manifest is too long');
  });

  test('names that are too long in all are refused', async () => {
    const levels = deep(2000);
    const files = Array.from({ length: 140_000 }, (_, index) => ({
      name: String(index).padStart(8, '0'),
      depth: 2001,
    }));
    await refuses(writeForgery(forge([...levels, ...files])), 'the names of its entries are too long in all');
  });

  test('roots that would take hours to check are refused', async () => {
    const roots = Array.from({ length: 1500 }, (_, index) => ({
      name: `./tree/${String(index).padStart(8, '0')}/${'d/'.repeat(1000)}x`,
    }));
    await refuses(writeForgery(forge(roots)), 'too many of its entries are in no directory of the archive');
  });
});
