import { describe, expect, test } from 'vitest';
import { parseOptions } from '../../bench/options.ts';

describe('the bench options', () => {
  test('the options default to every case in memory over loopback', () => {
    expect(parseOptions([])).toEqual({
      cases: ['a', 'b', 'c', 'd', 'e', 'f'],
      pairs: 5,
      places: ['tmpfs'],
      links: ['loopback'],
      phases: ['save', 'restore'],
      workers: [],
      level: undefined,
      peers: [],
      quick: false,
    });
  });

  test('the options accept lists, numbers and peers', () => {
    const args =
      '--cases a,f --pairs 7 --where disk --link shaped,loopback --only save --workers 1,4 --level 1';
    const peer = ['--peer', 'other=node save.js --fast,node restore.js'];
    expect(parseOptions([...args.split(' '), ...peer])).toMatchObject({
      cases: ['a', 'f'],
      pairs: 7,
      places: ['disk'],
      links: ['shaped', 'loopback'],
      phases: ['save'],
      workers: [1, 4],
      level: 1,
      peers: [{ name: 'other', save: 'node save.js --fast', restore: 'node restore.js' }],
    });
  });

  test.each([
    [['--cases', 'a,x'], "--cases names 'x', but it has to be a list of a, b, c, d, e, f."],
    [['--pairs', '0'], "--pairs is '0', but it has to be a whole number from 1 to 100."],
    [['--workers', '2,many'], "--workers is 'many', but it has to be a whole number from 1 to 64."],
    [['--peer', 'x=only-one'], "--peer is 'x=only-one', but it has to be NAME=SAVE,RESTORE"],
    [['--speed'], "Unknown option '--speed'"],
  ])('the options refuse %j', (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
  });
});
