/** Damaged and foreign objects, and objects that change while they are read. */

import { zstdCompressSync } from 'node:zlib';
import { treeDifferences } from '../../support/tree.ts';
import type { FaultCase, Finding } from '../case.ts';
import { compareWorkspace, exitProblem, restoreElsewhere, secretProblem, toFinding } from '../checks.ts';
import type { Archive } from '../lab.ts';
import { restoreCase } from '../restore-case.ts';
import type { Scene } from '../scene.ts';
import { buildTreeIn, olderTree } from '../trees.ts';

interface Damage {
  readonly fault: string;
  readonly short?: boolean;
  bytes(archive: Archive): Uint8Array;
}

/** Returns a copy with one byte inverted. A negative offset counts from the end. */
function inverted({ bytes }: Archive, offset: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const at = offset < 0 ? copy.length + offset : offset;
  copy[at] = ~copy[at]! & 0xff;
  return copy;
}

/** Returns the offset of the manifest's magic, after the last data frame. */
function manifestOffset({ bytes }: Archive): number {
  const at = bytes.lastIndexOf(Buffer.from('CS3M'));
  if (at < 0) throw new Error('the archive has no manifest');
  return at;
}

const damages: readonly Damage[] = [
  { fault: 'a byte of the first frame is wrong', bytes: archive => inverted(archive, 1000) },
  {
    fault: 'a byte of the last frame with data is wrong',
    short: true,
    bytes: archive => inverted(archive, manifestOffset(archive) - 200),
  },
  {
    fault: 'a byte of the manifest is wrong',
    short: true,
    bytes: archive => inverted(archive, manifestOffset(archive) + 300),
  },
  { fault: 'a byte of the seek table is wrong', bytes: archive => inverted(archive, -16) },
  { fault: 'the last byte is missing', bytes: ({ bytes }) => bytes.subarray(0, -1) },
  {
    fault: 'the second half is missing',
    bytes: ({ bytes }) => bytes.subarray(0, bytes.length / 2),
  },
  { fault: 'the object is empty', short: true, bytes: () => Buffer.alloc(0) },
  { fault: 'the object is a text file', bytes: () => Buffer.from('not an archive\n'.repeat(1000)) },
  {
    fault: 'the object is a tar.zst of another program',
    short: true,
    bytes: () => zstdCompressSync(Buffer.alloc(1_000_000, 'tar')),
  },
];

/** Expects that main reports the damage as a miss, and that post of the same job replaces the object. */
function damageCase({ fault, short = false, bytes }: Damage): FaultCase {
  return {
    fault,
    phase: 'main, post',
    short,
    run: async scene => {
      const archive = await scene.lab.archive();
      await scene.bucket.put(archive.name, bytes(archive));
      return mainAndPost(scene, { message: /::warning::.*damaged/, replaces: true });
    },
  };
}

interface JobExpectation {
  readonly message: RegExp;
  /** Post replaces the object with the workspace's tree. Otherwise the object is kept. */
  readonly replaces: boolean;
  /** Acts between the two phases. */
  meanwhile?(): Promise<void>;
}

async function mainAndPost(scene: Scene, expected: JobExpectation): Promise<Finding> {
  const archive = await scene.lab.archive();
  await buildTreeIn(scene.workspace, olderTree());
  const before = await scene.describe();
  const main = await scene.runPhase('main');
  const { state, staging } = await compareWorkspace(scene, before, archive.workspace);
  await expected.meanwhile?.();
  const post = await scene.runPhase('post', { state: main.state });
  const found = await restoreElsewhere(scene);
  const { '.': _root, ...old } = before;
  const [difference] = treeDifferences(found.tree, expected.replaces ? old : archive.workspace);
  const row = toFinding(
    main,
    expected.replaces ? `${state ?? 'torn files'}; object replaced` : `${state ?? 'torn files'}; object kept`,
    [
      exitProblem(main),
      exitProblem(post),
      secretProblem(scene, main),
      secretProblem(scene, post),
      state === 'unchanged' ? undefined : `the tree is ${state ?? 'torn'}`,
      staging.length > 0 ? `staging is left: ${staging.join(', ')}` : undefined,
      main.outputs['cache-hit'] === 'true' ? 'cache-hit is true' : undefined,
      difference && `a restore after post has another tree: ${difference}\n${post.stdout}`,
      (await scene.bucket.uploads()).length > 0 ? 'an upload is left' : undefined,
    ],
    expected.message,
  );
  return { ...row, ms: main.ms + post.ms };
}

/** Changes the object when a restore has read its end and requests data, `times` times. */
function changeDuringRestore(scene: Scene, change: () => Promise<void>, times = 1): void {
  let left = times;
  let opened = false;
  let changing: Promise<void> | undefined;
  scene.expectFault(() => changing !== undefined);
  scene.proxy.rule = ({ operation, range }) => {
    if (operation !== 'GetObject') return undefined;
    if (range?.startsWith('bytes=-')) {
      opened = true;
      return undefined;
    }
    if (opened && left-- > 0) changing = change();
    opened = false;
    return changing && { kind: 'hold', until: changing };
  };
}

export const objectCases: readonly FaultCase[] = [
  ...damages.map(damageCase),
  {
    fault: 'the object is a copy of another key',
    phase: 'main, post',
    short: true,
    async run(scene) {
      const archive = await scene.lab.archive();
      await scene.bucket.put(archive.name, await archiveOfAnotherKey(scene));
      return mainAndPost(scene, {
        message: /::warning::.*damaged.*saved under another name/,
        replaces: true,
      });
    },
  },
  {
    fault: 'another job replaces the damaged object before post',
    phase: 'main, post',
    short: true,
    async run(scene) {
      const archive = await scene.lab.archive();
      await scene.bucket.put(archive.name, inverted(archive, 1000));
      return mainAndPost(scene, {
        message: /::warning::.*damaged/,
        replaces: false,
        meanwhile: () => scene.bucket.put(archive.name, archive.bytes),
      });
    },
  },
  restoreCase('the object is replaced while it is read', {
    short: true,
    async arrange(scene) {
      const newer = await scene.lab.archive('newer');
      changeDuringRestore(scene, () => scene.bucket.put(newer.name, newer.bytes));
    },
    allowed: ['the cache'],
    archive: 'newer',
  }),
  restoreCase('the object is replaced each time it is read', {
    async arrange(scene) {
      const { name: archiveName, ...older } = await scene.lab.archive();
      const versions = [await scene.lab.archive('newer'), older];
      let changes = 0;
      const next = () => versions[changes++ % 2]!;
      changeDuringRestore(scene, () => scene.bucket.put(archiveName, next().bytes), Number.POSITIVE_INFINITY);
    },
    allowed: ['unchanged'],
    message: /::warning::.*replaced/,
  }),
  restoreCase('the object is deleted while it is read', {
    short: true,
    async arrange(scene) {
      const { name } = await scene.lab.archive();
      changeDuringRestore(scene, () => scene.bucket.delete([name]));
    },
    allowed: ['unchanged'],
    message: /Cache not found for input keys|::warning::/,
  }),
];

/** Returns a sound archive that was saved under another key. */
async function archiveOfAnotherKey(scene: Scene): Promise<Buffer> {
  await buildTreeIn(scene.workspace, { 'of-another-key.txt': 'x' });
  await scene.runPhase('save', { inputs: { key: 'another' } });
  const name = (await scene.bucket.objects()).find(one => one.includes('/another/'));
  if (name === undefined) throw new Error('the other key was not saved');
  return scene.bucket.read(name);
}
