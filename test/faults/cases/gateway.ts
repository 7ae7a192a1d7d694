/** A gateway in trouble: killed, with a storage daemon that hangs, full, overloaded. */

import { setTimeout as delay } from 'node:timers/promises';
import { configureGateway, type KilledGateway, killGateway } from '../../support/gateway/daemons.ts';
import { incompressible } from '../../support/random.ts';
import type { FaultCase } from '../case.ts';
import { restoreCase } from '../restore-case.ts';
import { saveCase } from '../save-case.ts';
import type { Phase, Scene } from '../scene.ts';
import { buildIn } from '../trees.ts';

const own = {};
/** An OSD that was stopped for longer than its read lease, 0.8 of this, serves nothing any more when it goes on. */
const patient = { osdSettings: { 'osd heartbeat grace': '3600' } };

/** Does something once, when the n-th request of an operation comes. */
function onceAt(scene: Scene, operation: string, wanted: number, what: () => void): void {
  let seen = 0;
  scene.proxy.rule = request => {
    if (request.operation === operation && ++seen === wanted) what();
    return undefined;
  };
}

/** Kills the gateway at that request. `backAfterMs` undefined: it stays dead until the phase has ended. */
function killedAt(operation: string, wanted: number, backAfterMs: number | undefined) {
  let killed: Promise<KilledGateway> | undefined;
  let restarted: Promise<void> | undefined;
  return {
    gateway: own,
    arrange(scene: Scene) {
      onceAt(scene, operation, wanted, () => {
        killed = killGateway(scene.gateway);
        if (backAfterMs !== undefined)
          restarted = delay(backAfterMs).then(async () => (await killed)?.restart());
      });
      return undefined;
    },
    async mend(scene: Scene) {
      scene.proxy.rule = () => undefined;
      if (killed === undefined) throw new Error('the gateway was not killed');
      await (restarted ?? (await killed).restart());
    },
  };
}

/** Stops the OSD at that request: the gateway accepts and hangs. */
function pausedAt(operation: string, wanted: number, resumeAfterMs: number | undefined) {
  let paused = false;
  const resume = (scene: Scene) => process.kill(scene.gateway.pids.osd, 'SIGCONT');
  return {
    gateway: patient,
    arrange(scene: Scene) {
      onceAt(scene, operation, wanted, () => {
        paused = true;
        process.kill(scene.gateway.pids.osd, 'SIGSTOP');
        if (resumeAfterMs !== undefined) setTimeout(() => resume(scene), resumeAfterMs);
      });
      return undefined;
    },
    async mend(scene: Scene) {
      if (!paused) throw new Error('the OSD was not paused');
      resume(scene);
    },
  };
}

/** The OSD hangs before the phase begins. */
const pausedBefore = {
  gateway: patient,
  arrange(scene: Scene) {
    process.kill(scene.gateway.pids.osd, 'SIGSTOP');
    return undefined;
  },
  async mend(scene: Scene) {
    process.kill(scene.gateway.pids.osd, 'SIGCONT');
  },
};

/** Two requests at a time; more are answered 503 SlowDown. Set while it runs: a gateway that begins so does not live. */
const crowded = {
  gateway: own,
  async arrange(scene: Scene) {
    await configureGateway(scene.gateway, 'rgw_max_concurrent_requests', '2');
    return undefined;
  },
  // the suite's own look at the result would be one of the two
  mend: (scene: Scene) => configureGateway(scene.gateway, 'rgw_max_concurrent_requests', '1024'),
  after: async (_scene: Scene, phase: Phase) =>
    / retries=0$/m.test(phase.stdout) ? ['the gateway refused nothing'] : [],
};

export const gatewayCases: readonly FaultCase[] = [
  restoreCase('the gateway is killed and restarted after 1 s', {
    ...killedAt('GetObject', 3, 1000),
    short: true,
    ends: ['the cache', 'as before'],
  }),
  restoreCase('the gateway is killed and not restarted', {
    ...killedAt('GetObject', 3, undefined),
    ends: ['as before'],
    says: /::warning::.*cannot be reached/,
  }),
  restoreCase('the OSD hangs for 5 s', { ...pausedAt('GetObject', 3, 5000), ends: ['the cache'] }),
  restoreCase('the OSD hangs during the transfer', {
    ...pausedAt('GetObject', 3, undefined),
    ends: ['as before'],
    says: /::warning::.*no data for 15 s/,
  }),
  restoreCase('the OSD hangs before the phase starts', {
    ...pausedBefore,
    ends: ['as before'],
    says: /::warning::.*(?:no data|no answer)/,
    limitMs: 12_000,
  }),
  restoreCase('the gateway accepts two requests at a time (503 SlowDown)', {
    ...crowded,
    ends: ['the cache', 'as before'],
  }),
  saveCase('the gateway is killed and restarted after 1 s', {
    ...killedAt('UploadPart', 2, 1000),
    short: true,
    ends: ['saved', 'not saved'],
  }),
  saveCase('the gateway is killed and not restarted', {
    ...killedAt('UploadPart', 2, undefined),
    ends: ['not saved'],
    mayLeaveUpload: true,
    says: /::warning::/,
  }),
  saveCase('the gateway is killed during CompleteMultipartUpload and restarted after 1 s', {
    ...killedAt('CompleteMultipartUpload', 1, 1000),
    ends: ['saved', 'not saved'],
    // It leaves its lock for ten minutes: whether an Abort would meet parts of a visible object cannot be told
    mayLeaveUpload: true,
  }),
  saveCase('the OSD hangs for 5 s', { ...pausedAt('UploadPart', 2, 5000), ends: ['saved'] }),
  saveCase('the OSD hangs during the transfer', {
    ...pausedAt('UploadPart', 2, undefined),
    ends: ['not saved'],
    mayLeaveUpload: true,
    says: /::warning::.*no data for 15 s/,
  }),
  saveCase('the OSD hangs before the phase starts', {
    ...pausedBefore,
    ends: ['not saved'],
    says: /::warning::.*(?:no data|no answer)/,
    limitMs: 12_000,
  }),
  saveCase('the quota of the bucket is exceeded', {
    gateway: own,
    short: true,
    async arrange(scene) {
      const bucket = `--bucket=${scene.bucket.name}`;
      // Less than one part: what the gateway counts lags behind parts that come together
      const limit = '--max-size=4M';
      await scene.gateway.admin(['quota', 'set', '--quota-scope=bucket', bucket, limit]);
      await scene.gateway.admin(['quota', 'enable', '--quota-scope=bucket', bucket]);
      return undefined;
    },
    ends: ['not saved'],
    says: /::warning::.*quota is used up/,
  }),
  saveCase('the gateway accepts two requests at a time (503 SlowDown)', {
    ...crowded,
    short: true,
    // enough for several parts to be on their way at once
    tree: scene => buildIn(scene.workspace, { 'large.bin': incompressible(120 * 1024 * 1024, 'crowded') }),
    ends: ['saved', 'not saved'],
  }),
];
