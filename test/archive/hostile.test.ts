import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DamagedArchiveError, UnknownFormatError } from '../../src/archive/errors.ts';
import { buildTree, describeTree } from '../support/tree.ts';
import {
  assemble,
  type ForgedEntry,
  type Forgery,
  forge,
  manifestBytes,
  sha256,
  writeForgery,
} from './craft.ts';
import { bent, data, refuses, tree } from './refuses.ts';
import { scratch } from './scratch.ts';
import { layoutIn, packTree, restoreObject } from './support.ts';

test('what these forgeries bend is sound', async () => {
  const to = scratch();
  const object = bent(
    tree(
      { name: 'a', data },
      { name: 'b/', depth: 1 },
      { name: 'c', depth: 2, data: 'c' },
      { name: 'l', target: 'a' },
    ),
  );
  await restoreObject(object, await layoutIn(to));
  const found = await describeTree(to);
  expect(Object.keys(found)).toEqual(['tree', 'tree/a', 'tree/b', 'tree/b/c', 'tree/l']);
  expect(found['tree/a']?.sha256).toBe(sha256(data).toString('hex'));
});

describe('names', () => {
  const inWorkspace = 'is not named by the `path` of this step';
  test.each<[string, ForgedEntry, string]>([
    ['outside the paths of the step', { name: './elsewhere', data }, inWorkspace],
    ['with a longer first component', { name: './treex', data }, inWorkspace],
    ['absolute', { name: '/etc/cache-s3-test', data }, inWorkspace],
    ['of the home directory', { name: '~/.bashrc', data }, inWorkspace],
    ['above by ..', { name: './tree/../../outside', data }, 'is not a plain path'],
    ['above by .. in an absolute name', { name: '/../outside', data }, 'is not a plain path'],
    ['with . in between', { name: './tree/./x', data }, 'is not a plain path'],
    ['with an empty component', { name: './tree//x', data }, 'is not a plain path'],
    ['with no anchor', { name: 'tree/x', data }, 'does not begin with'],
    ['of nothing', { name: '', data }, 'does not begin with'],
    ['of the anchor alone', { name: './', data: '' }, inWorkspace],
    ['of another user', { name: '~root/x', data }, 'does not begin with'],
    [
      'in a directory that the archive lacks',
      { name: './tree/sub/x', data },
      'stands in a directory that is not in the archive',
    ],
  ])('%s', async (_, entry, message) => {
    await refuses(bent([entry]), message);
  });

  test.each([
    ['..', 'a name in its manifest is not a plain one'],
    ['.', 'a name in its manifest is not a plain one'],
    ['', 'a name in its manifest is not a plain one'],
    ['a/b', 'a name in its manifest is not a plain one'],
    ['/etc/passwd', 'a name in its manifest is not a plain one'],
    ['../../outside', 'a name in its manifest is not a plain one'],
    ['x\0y', 'its manifest lacks names'],
  ])('a component %j', async (name, message) => {
    await refuses(bent(tree({ name, data })), message);
  });

  test.each(['../', './', '/', 'a/b/', 'a'])('a directory component %j', async name => {
    await refuses(
      bent(tree({ name, type: 1 }, { name: 'x', depth: 2, data })),
      /not a plain one|named unlike/,
    );
  });

  test('a file that is named like a directory', async () => {
    await refuses(bent([{ name: './tree/', type: 0, data }]), 'is named unlike its type');
  });

  test('twice', async () => {
    await refuses(bent(tree({ name: 'a', data }, { name: 'a', data })), 'is out of order or there twice');
    await refuses(bent(tree({ name: 'b', data }, { name: 'a', data })), 'is out of order or there twice');
  });

  test('as a file and as a directory', async () => {
    await refuses(bent(tree({ name: 'a', data }, { name: 'a/' }, { name: 'x', depth: 2 })), 'is there twice');
  });

  test('excluded by the step', async () => {
    const patterns = ['tree', '!tree/skip'];
    const object = bent(tree({ name: 'skip/' }, { name: 'x', depth: 2, data }));
    await refuses(object, 'is excluded by `path`', { patterns });
  });

  test.each(['./tree/../', './tree/./', './tree//', './tree/..', './tree/.'])(
    'in full, %j, where its directory is in the archive',
    async name => {
      await refuses(bent([...tree(), { name }]), 'is not a plain path');
    },
  );

  test('below no directory at all', async () => {
    await refuses(bent([{ name: 'x', depth: 1, data }]), 'an entry of its manifest has no directory');
    await refuses(bent(tree({ name: 'x', depth: 3, data })), 'an entry of its manifest has no directory');
  });

  test('are printed without a line of their own', async () => {
    await refuses(bent([{ name: './x\n::error::y', data }]), String.raw`./x\x0a::error::y`);
  });
});

describe('one directory under two names', () => {
  const inWork = './a';
  const inHome = '~/work/r/r/a';
  /** Tries to restore into a workspace that lies in the home directory, as on a hosted runner. */
  async function refusesInHome(entries: readonly ForgedEntry[], patterns: string[], message: string) {
    const home = await buildTree(scratch(), {
      'work/r/r/a/present': 'p',
      '.ssh/authorized_keys': 'mine',
      '.npm/k': 'old',
    });
    const before = await describeTree(home, { root: true });
    const attempt = restoreObject(bent(entries), await layoutIn(join(home, 'work/r/r'), patterns, home));
    await expect(attempt).rejects.toThrow(DamagedArchiveError);
    await expect(attempt).rejects.toThrow(message);
    expect(await describeTree(home, { root: true })).toEqual(before);
  }

  test('a link, and a hard link that goes through it under the other name', async () => {
    const entries = [
      { name: inWork, target: '../../../.ssh' },
      { name: '~/.npm/' },
      { name: 'k', depth: 1, data },
      { name: `${inHome}/` },
      { name: 'authorized_keys', depth: 1, linkDistance: 2 },
    ];
    await refusesInHome(entries, ['./a', '~/.npm'], `${inHome}/ is there twice, as ${inWork} too`);
  });

  test('the same with a single path', async () => {
    const entries = [
      { name: inWork, target: '../../../.ssh' },
      { name: `${inHome}/` },
      { name: 'authorized_keys', depth: 1, data },
    ];
    await refusesInHome(entries, ['a'], 'is there twice');
  });

  test('in its absolute spelling', async () => {
    const home = scratch();
    const entries = [{ name: './a', target: '/tmp' }, { name: `${home}/a/` }, { name: 'x', depth: 1, data }];
    const attempt = restoreObject(bent(entries), await layoutIn(home, ['a']));
    await expect(attempt).rejects.toThrow('is there twice');
  });

  test('below what the other name holds as a link or a file', async () => {
    for (const middle of [
      { name: 'm', depth: 1, target: '/tmp' },
      { name: 'm', depth: 1, data },
    ]) {
      const entries = [{ name: './a/' }, middle, { name: `${inHome}/m/skip/again/` }];
      const patterns = ['a', '!a/m/skip', 'a/m/skip/again'];
      await refusesInHome(entries, patterns, 'goes through a file or link of the same archive');
    }
  });

  test('below a link that is a root under the other name', async () => {
    const entries = [{ name: './a', target: '/tmp' }, { name: `${inHome}/skip/again/` }];
    const patterns = ['a', '!a/skip', 'a/skip/again'];
    await refusesInHome(entries, patterns, 'goes through a file or link of the same archive');
  });

  test('inside of a directory that the archive holds under the other name', async () => {
    const patterns = ['~', 'a', '.'];
    const lies = 'lies in ~/, under another name';
    await refusesInHome([{ name: './' }, { name: '~/' }], patterns, lies);
    const twice = [{ name: './a/' }, { name: '~/' }, { name: 'work', depth: 1, target: '/tmp' }];
    await refusesInHome(twice, patterns, 'stands in a directory that is not in the archive');
  });

  test('is no fault where the outer one leaves the inner one out', async () => {
    const home = await buildTree(scratch(), { 'work/r/r': { directory: true } });
    const entries = [{ name: './a/' }, { name: 'x', depth: 1, data }, { name: '~/' }];
    const layout = await layoutIn(join(home, 'work/r/r'), ['~', '!~/work', 'a'], home);
    await restoreObject(bent(entries), layout);
    expect(Object.keys(await describeTree(home))).toContain('work/r/r/a/x');
  });
});

describe('links', () => {
  test('a file below a symlink of the same archive', async () => {
    const link = { name: 'l', target: '/tmp' };
    await refuses(
      bent(tree(link, { name: 'x', depth: 2, data })),
      'an entry of its manifest has no directory',
    );
    const below: ForgedEntry = { name: './tree/l/x', data };
    await refuses(bent([...tree(link), below]), 'goes through a file or link of the same archive');
  });

  test('a file below a root that is a symlink', async () => {
    const object = bent([
      { name: './tree', target: '/tmp' },
      { name: './tree/x', data },
    ]);
    await refuses(object, 'goes through a file or link of the same archive');
  });

  test('a symlink and a directory of one name', async () => {
    const object = bent(tree({ name: 'l', target: '/tmp' }, { name: 'l/' }, { name: 'x', depth: 2, data }));
    await refuses(object, 'is there twice');
  });

  test.each([
    ['itself', 0],
    ['a later entry', -1],
    ['nothing', 99],
    ['a directory', 2],
  ])('a hard link to %s', async (_, linkDistance) => {
    const forgery = forge(
      tree({ name: 'a', data }, { name: 'h', linkDistance: 1 }, { name: 'z', data: 'z' }),
    );
    if (linkDistance >= 0) forgery.columns.linkDistances = [linkDistance];
    else forgery.columns.linkDistances = [Number.MAX_SAFE_INTEGER];
    await refuses(writeForgery(forgery), /hard link to (no file of this archive|a later entry)/);
  });

  test('a hard link to a symlink', async () => {
    const object = bent(
      tree({ name: 'a', target: '/etc/passwd' }, { name: 'h', linkDistance: 1 }, { name: 'z', data }),
    );
    await refuses(object, 'is a hard link to no file of this archive');
  });

  test('a symlink to nowhere', async () => {
    await refuses(bent(tree({ name: 'l', target: '' }, { name: 'z', data })), 'points nowhere');
  });

  test('a symlink with data', async () => {
    const object = bent(tree({ name: 'l', target: 'x', data }));
    await refuses(object, 'has data, but is not a file');
  });

  test('a link that stands on the disk below a root is not written through', async () => {
    const root = await buildTree(scratch(), {
      outside: { directory: true },
      'work/tree/l': { symlink: '../../outside' },
    });
    const object = bent(tree({ name: 'l/' }, { name: 'x', depth: 2, data }));
    await restoreObject(object, await layoutIn(join(root, 'work')));
    expect(Object.keys(await describeTree(root))).toEqual([
      'outside',
      'work',
      'work/tree',
      'work/tree/l',
      'work/tree/l/x',
    ]);
  });
});

describe('types', () => {
  test.each([4, 5, 6, 7, 255])('number %i, such as a device', async type => {
    await refuses(bent(tree({ name: 'n', type }, { name: 'z', data })), 'is of an unknown type');
  });

  test('impossible modes, owners and times', async () => {
    const entries = tree({ name: 'a', data });
    await refuses(
      bent(entries, ({ columns }) => columns.modes.splice(1, 1, 0o10000)),
      'has an impossible mode',
    );
    await refuses(
      bent(entries, ({ columns }) => columns.uids.splice(1, 1, -2)),
      'has an impossible owner',
    );
    await refuses(
      bent(entries, ({ columns }) => columns.gids.splice(1, 1, 2 ** 32)),
      'has an impossible owner',
    );
    await refuses(
      bent(entries, ({ columns }) => columns.mtimes.splice(1, 1, -1)),
      'has an impossible time',
    );
  });
});

describe('sizes and offsets that lie', () => {
  const outside = 'has data outside its frame or over another file';
  const two = tree({ name: 'a', data }, { name: 'b', data: 'bb' });
  test.each<[string, (forgery: Forgery) => void, string]>([
    ['a size beyond the last frame', ({ columns }) => columns.sizes.splice(1, 1, 2 ** 40), outside],
    [
      'a size that runs into the next file',
      ({ columns }) => {
        columns.sizes.splice(1, 1, data.length + 1024);
        columns.offsetResiduals.splice(1, 1, -512);
      },
      outside,
    ],
    ['an offset over another file', ({ columns }) => columns.offsetResiduals.splice(1, 1, -512), outside],
    ['an offset past the frame', ({ columns }) => columns.offsetResiduals.splice(0, 1, 2 ** 30), outside],
    ['a negative offset', ({ columns }) => columns.offsetResiduals.splice(0, 1, -512), 'lies nowhere'],
    ['an offset between blocks', ({ columns }) => columns.offsetResiduals.splice(0, 1, 513), 'lies nowhere'],
    ['a frame that is not there', ({ columns }) => columns.dataFrames.splice(1, 1, 7), outside],
    ['a negative frame', ({ columns }) => columns.dataFrames.splice(0, 1, -1), 'lies nowhere'],
    ['a frame of no bytes', ({ columns }) => columns.frameSizes.splice(0, 1, 0), 'claims a frame of 0 bytes'],
    [
      'a frame that decodes to nothing',
      ({ columns }) => columns.frameRawSizes.splice(0, 1, 0),
      'claims a frame',
    ],
    [
      'a frame that decodes to a terabyte',
      ({ columns }) => columns.frameRawSizes.splice(0, 1, 2 ** 40),
      'claims a frame',
    ],
    [
      'a frame longer than its data can be',
      ({ columns }) => columns.frameSizes.splice(0, 1, 2 ** 40),
      'claims a frame',
    ],
    [
      'frames longer than the object',
      ({ columns }) => columns.frameSizes.splice(0, 1, columns.frameSizes[0]! + 1),
      'longer than its data',
    ],
  ])('%s', async (_, bend, message) => {
    await refuses(bent(two, bend), message);
  });

  test('a frame that decodes to more than it claims', async () => {
    const object = bent(two, ({ columns }) => {
      columns.frameRawSizes[0]! -= 512;
      columns.sizes.splice(2, 1, 0);
      columns.dataFrames.pop();
      columns.offsetResiduals.pop();
    });
    await refuses(object, 'a frame does not decompress to its length', { seenInData: true });
  });

  test('a frame that decodes to less than it claims', async () => {
    const object = bent(two, ({ columns }) => {
      columns.frameRawSizes[0]! += 512;
    });
    await refuses(object, 'a frame does not decompress to its length', { seenInData: true });
  });

  test('a skippable frame where data should be: it decodes to nothing without an error', async () => {
    const object = bent(two, forgery => {
      const frame = Buffer.alloc(forgery.frames[0]!.length);
      frame.writeUInt32LE(0x184d2a50, 0);
      frame.writeUInt32LE(frame.length - 8, 4);
      forgery.frames = [frame];
      forgery.columns.hashes = sha256(frame);
    });
    await refuses(object, 'a frame does not decompress to its length', { seenInData: true });
  });

  test('a frame with another hash', async () => {
    const object = bent(two, ({ columns }) => {
      columns.hashes[31]! ^= 1;
    });
    await refuses(object, 'the checksum of a frame is wrong', { seenInData: true });
  });
});

describe('counts and lengths', () => {
  const entries = tree({ name: 'a', data });
  test.each<[string, Record<string, unknown>]>([
    ['a billion entries', { counts: { frames: 1, entries: 1e9 } }],
    ['one entry more', { counts: { frames: 1, entries: 3 } }],
    ['a billion frames', { counts: { frames: 1e9, entries: 2 } }],
    ['fewer frames than there are', { counts: { frames: 0, entries: 2 } }],
    ['a negative count', { counts: { frames: 1, entries: -1 } }],
    ['a fraction', { counts: { frames: 1, entries: 1.5 } }],
    [
      'an infinite count, which JSON makes null',
      { counts: { frames: 1, entries: Number.POSITIVE_INFINITY } },
    ],
    ['no counts', { counts: null }],
    ['no object', { object: undefined }],
    ['paths that are none', { paths: 'tree' }],
    ['a generation that is none', { generation: 'x' }],
  ])('%s', async (_, head) => {
    await refuses(
      bent(entries, ({ columns }) => Object.assign(columns.head, head)),
      /its manifest/,
    );
  });

  test('a column that claims more than the manifest', async () => {
    const { frames, columns } = forge(entries);
    const manifest = manifestBytes(columns);
    for (let at = 0; at < manifest.length; at += 4 + manifest.readUInt32LE(at)) {
      const longer = Buffer.from(manifest);
      longer.writeUInt32LE(0xffffffff, at);
      await refuses(assemble(frames, zstdCompressSync(longer)), 'its manifest is cut short');
    }
  });

  test('a number that never ends', async () => {
    const { frames, columns } = forge(entries);
    const manifest = manifestBytes(columns);
    const at = manifest.lastIndexOf(Buffer.from([0x80, 0x08]));
    expect(at, '512, zigzag').toBeGreaterThan(0);
    manifest.fill(0xff, at);
    await refuses(assemble(frames, zstdCompressSync(manifest)), /its manifest/);
  });

  test('a manifest that is none', async () => {
    const { frames } = forge(entries);
    await refuses(assemble(frames, Buffer.from('not zstd')), 'its manifest does not decompress');
    await refuses(assemble(frames, zstdCompressSync(Buffer.from('xx'))), 'its manifest is cut short');
  });

  test('a head of another tool and surplus fields are no fault', async () => {
    const object = bent(entries, ({ columns }) =>
      Object.assign(columns.head, { tool: 'other/9', more: [1] }),
    );
    await restoreObject(object, await layoutIn(scratch()));
  });
});

test('another format is no damage: it is said by its number', async () => {
  const { frames, columns } = forge(tree({ name: 'a', data }));
  const object = assemble(frames, zstdCompressSync(manifestBytes(columns)), 2);
  await refuses(object, 'it is of archive format 2, and this release reads format 1', {
    kind: UnknownFormatError,
  });
});

describe('what is no archive', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a text', Buffer.from('<html>404</html>'.repeat(100))],
    ['zeros', Buffer.alloc(5000)],
    ['a plain zstd file', zstdCompressSync(data)],
  ])('%s', async (_, object) => {
    await refuses(object, 'it does not end in a seek table', { seenInData: true });
  });

  test('an archive cut off anywhere', async () => {
    const from = await buildTree(scratch(), { 'tree/a': data, 'tree/b': 'b' });
    const { object } = await packTree(await layoutIn(from));
    const layout = await layoutIn(scratch());
    for (let length = 0; length < object.length; length += 97) {
      await expect(restoreObject(object.subarray(0, length), layout)).rejects.toThrow(DamagedArchiveError);
      await expect(restoreObject(object.subarray(length + 1), layout)).rejects.toThrow(DamagedArchiveError);
    }
  });

  test('a seek table that claims what the object cannot hold', async () => {
    const { frames, columns } = forge(tree({ name: 'a', data }));
    const sound = assemble(frames, zstdCompressSync(manifestBytes(columns)));
    const change = (at: number, value: number) => {
      const object = Buffer.from(sound);
      object.writeUInt32LE(value, object.length + at);
      return object;
    };
    await refuses(change(-9, 0xffffffff), 'its seek table claims 4294967295 frames');
    await refuses(change(-9, 0), 'its seek table has no head');
    await refuses(change(-25, 0), 'its seek table has no head');
    await refuses(change(-17, 0xffffffff), 'its frames are longer than the object');
    await refuses(change(-17, 1), 'no manifest stands where the seek table says', { seenInData: true });
    const flagged = Buffer.from(sound);
    flagged[flagged.length - 5] = 0x80;
    await refuses(flagged, 'its seek table is of another kind');
  });
});

test('a scan leaves out staging, and nothing that is only named like it', async () => {
  const from = await buildTree(scratch(), {
    'tree/.cache-s3-1-0000abcd-0123abcd/x': 'staging',
    'tree/.cache-s3-file': '',
    'tree/.cache-s3-store/v1': 'an object',
    'tree/a': 'a',
  });
  const { object } = await packTree(await layoutIn(from));
  const to = scratch();
  await restoreObject(object, await layoutIn(to));
  expect(Object.keys(await describeTree(to))).toEqual([
    'tree',
    'tree/.cache-s3-file',
    'tree/.cache-s3-store',
    'tree/.cache-s3-store/v1',
    'tree/a',
  ]);
});
