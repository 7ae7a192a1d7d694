/** Signals at random moments, which a seed repeats, and at critical ones. */

import * as fs from 'node:fs/promises';
import { constants } from 'node:os';
import path from 'node:path';
import { incompressible, randomShare } from '../../support/random.ts';
import { treeDifferences } from '../../support/tree.ts';
import type { FaultCase } from '../case.ts';
import { restoreElsewhere } from '../checks.ts';
import { restoreCase } from '../restore-case.ts';
import { saveCase } from '../save-case.ts';
import type { Scene } from '../scene.ts';
import { buildTreeIn, overlay } from '../trees.ts';

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGKILL';

const SEEDS = [1, 2, 3, 4, 5, 6];
/** More than the age at which a restore removes the staging of another job. */
const TWO_DAYS_S = 2 * 24 * 60 * 60;

/** Returns the allowed ends: our status, the signal before a handler is installed, or 0 if the signal comes too late. */
function exitCodesOf(signal: Signal): string[] {
  return signal === 'SIGKILL' ? ['0', signal] : ['0', signal, String(128 + constants.signals[signal])];
}

/** Sends the signal within 1.2 times the duration of the phase without a fault, so that its end is reached too. */
function atRandom(scene: Scene, signal: Signal, seed: string, wholeMs: number) {
  return {
    onStart: () => scene.signalLater(signal, 1.2 * wholeMs * randomShare(seed)),
  };
}

function interruptedRestore(signal: Signal, seed: number): FaultCase {
  return restoreCase(`${signal} at a random moment (seed ${seed})`, {
    short: seed === 1 && signal !== 'SIGTERM',
    async arrange(scene) {
      const { restoreMs } = await scene.lab.archive();
      return atRandom(scene, signal, `restore ${signal} ${seed}`, restoreMs);
    },
    allowed: signal === 'SIGKILL' ? ['unchanged', 'the cache', 'a mixture'] : ['unchanged', 'the cache'],
    exitCodes: exitCodesOf(signal),
    check: async scene => [...(signal === 'SIGKILL' ? await problemsOfNextRestore(scene) : [])],
  });
}

/** Checks that the next restore repairs a mixture and removes old staging. */
async function problemsOfNextRestore(scene: Scene): Promise<string[]> {
  for (const name of await fs.readdir(scene.workspace, { recursive: true })) {
    if (!path.basename(name).startsWith('.cache-s3-')) continue;
    const then = Date.now() / 1000 - TWO_DAYS_S;
    await fs.utimes(path.join(scene.workspace, name), then, then);
  }
  const phase = await scene.runPhase('restore', { inputs: scene.directInputs });
  const { '.': _root, ...tree } = await scene.describe();
  const { workspace } = await scene.lab.archive();
  const staging = Object.keys(tree).filter(name => name.includes('.cache-s3-'));
  const [wrong] = treeDifferences(tree, overlay(tree, workspace));
  return [
    ...(phase.outputs['cache-hit'] === 'true' ? [] : [`the next restore fails:\n${phase.stdout}`]),
    ...(staging.length > 0 ? [`the next restore leaves staging: ${staging.join(', ')}`] : []),
    ...(wrong === undefined ? [] : [`the next restore does not repair: ${wrong}`]),
  ];
}

function interruptedSave(signal: Signal, seed: number): FaultCase {
  return saveCase(`${signal} at a random moment (seed ${seed})`, {
    short: seed === 1 && signal !== 'SIGINT',
    async arrange(scene) {
      const { saveMs } = await scene.lab.archive();
      return atRandom(scene, signal, `save ${signal} ${seed}`, saveMs);
    },
    allowed: ['saved', 'not saved'],
    exitCodes: exitCodesOf(signal),
    mayLeaveUpload: signal === 'SIGKILL',
    check: problemsOfNextSave,
  });
}

/** Checks that the next save stores the key. */
async function problemsOfNextSave(scene: Scene): Promise<string[]> {
  await scene.runPhase('save', { inputs: scene.directInputs });
  const { '.': _root, ...tree } = await scene.describe();
  const found = await restoreElsewhere(scene);
  const [wrong] = treeDifferences(found.tree, tree);
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
    },
    allowed: ['unchanged'],
    exitCodes: ['130'],
    message: /::warning::.*cancelled/,
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
    },
    allowed: ['not saved'],
    exitCodes: ['130'],
    message: /::warning::.*cancelled/,
  }),
  saveCase('SIGINT before the response to CompleteMultipartUpload', {
    arrange(scene) {
      scene.proxy.rule = ({ operation }) => {
        if (operation !== 'CompleteMultipartUpload') return undefined;
        scene.signalLater('SIGINT', 100);
        return { kind: 'delay', ms: 400 };
      };
    },
    // After Complete was sent the whole object may appear
    allowed: ['saved', 'not saved'],
    exitCodes: ['0', '130'],
    check: problemsOfNextSave,
  }),
  saveCase('SIGINT during a save of 1 GB, after 20 parts', {
    tree: scene =>
      buildTreeIn(
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
    },
    allowed: ['not saved'],
    exitCodes: ['130'],
    message: /::warning::.*cancelled/,
  }),
];
