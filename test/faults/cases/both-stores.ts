/** A bucket that stops, and a GitHub cache that stops too when it is used instead. */

import { createServer } from 'node:http';
import { listen } from '../../support/servers/listen.ts';
import type { FaultCase } from '../case.ts';
import type { PhaseRunOptions } from '../phase-runner.ts';
import { restoreCase } from '../restore-case.ts';
import { saveCase } from '../save-case.ts';
import type { Scene } from '../scene.ts';
import { buildTreeIn } from '../trees.ts';

/** A job that neither store serves goes on within a minute. */
const limitMs = 60_000;

const message = /::warning::.*GitHub's cache (?:did not respond|could not be used)/;

/** Gives the step a GitHub cache that has its key, and whose archives are on a server that stops in each of them. */
async function stalledGitHub(scene: Scene): Promise<PhaseRunOptions> {
  const { service, env } = await scene.startGitHub();
  await scene.runPhase('save', { inputs: { bucket: '', 'use-fallback': '' }, env });
  const blobs = await listen(
    createServer((request, response) => {
      request.resume();
      if (request.method !== 'GET') return;
      response.writeHead(200, { 'content-length': 10_000_000 });
      response.write(Buffer.alloc(100_000));
    }),
  );
  scene.onClose(() => blobs.close());
  service.behave({ blobUrl: `${blobs.endpoint}/caches/blob?sig=abc` });
  return { inputs: { 'use-fallback': '' }, env };
}

/** The same, without the key of the step. */
async function emptyStalledGitHub(scene: Scene): Promise<PhaseRunOptions> {
  const { inputs, env } = await stalledGitHub(scene);
  return { inputs: { ...inputs, key: 'another key' }, env: env! };
}

export const bothStoresCases: readonly FaultCase[] = [
  restoreCase("every response stops after 100 kB, and GitHub's cache stops in its download", {
    limitMs,
    message,
    allowed: ['unchanged'],
    async arrange(scene) {
      const options = await stalledGitHub(scene);
      scene.proxy.rule = () => ({ kind: 'stall', afterBytes: 100_000 });
      return options;
    },
  }),
  saveCase("the gateway takes the body of a small cache and does not respond, nor does GitHub's cache", {
    limitMs,
    message,
    allowed: ['not saved'],
    tree: scene => buildTreeIn(scene.workspace, { 'a.txt': 'small' }),
    async arrange(scene) {
      const options = await emptyStalledGitHub(scene);
      scene.proxy.rule = ({ operation }) => (operation === 'PutObject' ? { kind: 'silent' } : undefined);
      return options;
    },
  }),
  saveCase("the gateway stops reading each part after 1 MB, and GitHub's cache does not respond", {
    limitMs,
    message,
    allowed: ['not saved'],
    async arrange(scene) {
      const options = await emptyStalledGitHub(scene);
      scene.proxy.rule = ({ operation }) =>
        operation === 'UploadPart' ? { kind: 'stall-upload', afterBytes: 1_000_000 } : undefined;
      return options;
    },
  }),
];
