/** Ends from outside, at moments that a seed decides. */

import * as fs from 'node:fs/promises';
import { constants } from 'node:os';
import path from 'node:path';
import { incompressible, randomShare } from '../../support/random.ts';
import type { FaultCase } from '../case.ts';
import { firstDifference, restoreElsewhere } from '../judge.ts';
import { restoreCase } from '../restore-case.ts';
import { saveCase } from '../save-case.ts';
import type { Scene } from '../scene.ts';
import { buildIn, overlaid } from '../trees.ts';

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGKILL';

const SEEDS = [1, 2, 3, 4, 5, 6];
/** Of our own staging: older than what the next restore takes for another job's work. */
const TWO_DAYS_S = 2 * 24 * 60 * 60;

/** The shell's status, the signal itself before Node has installed a handler, or 0 where it came too late. */
function exits(signal: Signal): string[] {
  return signal === 'SIGKILL' ? ['0', signal] : ['0', signal, String(128 + constants.signals[signal])];
}

/** Sends the signal after a part of the time that the phase takes without faults; a little late to reach its end too. */
function atRandom(scene: Scene, signal: Signal, seed: string, wholeMs: number) {
  return {
    onStart: () => scene.signalLater(signal, 1.2 * wholeMs * randomShare(seed)),
  };
}

function interruptedRestore(signal: Signal, seed: number): FaultCase {
  return restoreCase(`${signal} at a random moment (seed ${seed})`, {
    short: seed === 1,
    async arrange(scene) {
      const { restoreMs } = await scene.lab.archive();
      return atRandom(scene, signal, `restore ${signal} ${seed}`, restoreMs);
    },
    ends: signal === 'SIGKILL' ? ['as before', 'the cache', 'a mixture'] : ['as before', 'the cache'],
    exits: exits(signal),
    after: async scene => [...(signal === 'SIGKILL' ? await healedByTheNext(scene) : [])],
  });
}

/** A later restore puts a mixture right, and removes staging once it is old. */
async function healedByTheNext(scene: Scene): Promise<string[]> {
  for (const name of await fs.readdir(scene.workspace, { recursive: true })) {
    if (!path.basename(name).startsWith('.cache-s3-')) continue;
    const then = Date.now() / 1000 - TWO_DAYS_S;
    await fs.utimes(path.join(scene.workspace, name), then, then);
  }
  const phase = await scene.phase('restore', { inputs: scene.directInputs });
  const { '.': _root, ...tree } = await scene.describe();
  const { workspace } = await scene.lab.archive();
  const staging = Object.keys(tree).filter(name => name.includes('.cache-s3-'));
  const wrong = firstDifference(tree, overlaid(tree, workspace));
  return [
    ...(phase.outputs['cache-hit'] === 'true' ? [] : [`the next restore fails:\n${phase.stdout}`]),
    ...(staging.length > 0 ? [`the next restore leaves staging: ${staging.join(', ')}`] : []),
    ...(wrong === undefined ? [] : [`the next restore does not heal: ${wrong}`]),
  ];
}

function interruptedSave(signal: Signal, seed: number): FaultCase {
  return saveCase(`${signal} at a random moment (seed ${seed})`, {
    short: seed === 1,
    async arrange(scene) {
      const { saveMs } = await scene.lab.archive();
      return atRandom(scene, signal, `save ${signal} ${seed}`, saveMs);
    },
    ends: ['saved', 'not saved'],
    exits: exits(signal),
    mayLeaveUpload: signal === 'SIGKILL',
    after: keyIsFree,
  });
}

/** Whatever became of a save, the next one leaves the key with a whole object. */
async function keyIsFree(scene: Scene): Promise<string[]> {
  await scene.phase('save', { inputs: scene.directInputs });
  const { '.': _root, ...tree } = await scene.describe();
  const found = await restoreElsewhere(scene);
  const wrong = firstDifference(found.tree, tree);
  return wrong === undefined ? [] : [`the next save does not store the key: ${wrong}`];
}

const SIGNALS: readonly Signal[] = ['SIGINT', 'SIGTERM', 'SIGKILL'];

export const signalCases: readonly FaultCase[] = [
  ...SIGNALS.flatMap(signal => SEEDS.map(seed => interruptedRestore(signal, seed))),
  ...SIGNALS.flatMap(signal => SEEDS.map(seed => interruptedSave(signal, seed))),
  restoreCase('SIGINT while the gateway does not respond', {
    short: true,
    arrange(scene) {
      scene.proxy.rule = ({ index }) => {
        if (index === 0) scene.signalLater('SIGINT', 500);
        return { kind: 'silent' };
      };
      return undefined;
    },
    ends: ['as before'],
    exits: ['130'],
    says: /::warning::.*cancelled/,
  }),
  saveCase('SIGINT while the upload of a part stalls', {
    short: true,
    arrange(scene) {
      let seen = 0;
      scene.proxy.rule = ({ operation }) => {
        if (operation !== 'UploadPart') return undefined;
        if (++seen === 2) scene.signalLater('SIGINT', 300);
        return seen >= 2 ? { kind: 'stall-upload', afterBytes: 100_000 } : undefined;
      };
      return undefined;
    },
    ends: ['not saved'],
    exits: ['130'],
    says: /::warning::.*cancelled/,
  }),
  saveCase('SIGINT before the response to CompleteMultipartUpload', {
    arrange(scene) {
      scene.proxy.rule = ({ operation }) => {
        if (operation !== 'CompleteMultipartUpload') return undefined;
        scene.signalLater('SIGINT', 100);
        return { kind: 'delay', ms: 400 };
      };
      return undefined;
    },
    // Complete was sent: the whole object may appear
    ends: ['saved', 'not saved'],
    exits: ['0', '130'],
    after: keyIsFree,
  }),
  saveCase('SIGINT during a save of 1 GB, after 20 parts', {
    tree: scene =>
      buildIn(
        scene.workspace,
        Object.fromEntries(
          Array.from({ length: 64 }, (_, index) => [
            `${index}.bin`,
            incompressible(16 * 1024 * 1024, `gigabyte ${index}`),
          ]),
        ),
      ),
    arrange(scene) {
      let seen = 0;
      scene.proxy.rule = ({ operation }) => {
        if (operation === 'UploadPart' && ++seen === 20) scene.signal('SIGINT');
        return undefined;
      };
      return undefined;
    },
    ends: ['not saved'],
    exits: ['130'],
    says: /::warning::.*cancelled/,
  }),
];
