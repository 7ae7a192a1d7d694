/** Faults of the gateway: killed, with a storage daemon that hangs, over quota, overloaded. */

import { setTimeout as delay } from 'node:timers/promises';
import { configureGateway, type KilledGateway, killGateway } from '../../support/gateway/daemons.ts';
import { incompressible } from '../../support/random.ts';
import type { FaultCase, FaultSpec } from '../case.ts';
import { restoreCase } from '../restore-case.ts';
import { saveCase } from '../save-case.ts';
import type { Scene } from '../scene.ts';
import { buildTreeIn } from '../trees.ts';

const own = {};
/** An OSD that was stopped for longer than its read lease, which is 0.8 of this, does not serve again. */
const patient = { osdSettings: { 'osd heartbeat grace': '3600' } };

/** Calls `act` once, at the n-th request of an operation. */
function onceAt(scene: Scene, operation: string, wanted: number, act: () => void): void {
  let seen = 0;
  scene.proxy.rule = request => {
    if (request.operation === operation && ++seen === wanted) act();
    return undefined;
  };
}

/** Kills the gateway at that request. It is started again after `restartMs`; if that is undefined, after the phase. */
function killedAt(operation: string, wanted: number, restartMs: number | undefined): FaultSpec {
  let killed: Promise<KilledGateway> | undefined;
  let restarted: Promise<void> | undefined;
  return {
    gateway: own,
    arrange(scene) {
      onceAt(scene, operation, wanted, () => {
        killed = killGateway(scene.gateway);
        if (restartMs !== undefined) restarted = delay(restartMs).then(async () => (await killed)?.restart());
      });
    },
    async endFault(scene) {
      scene.proxy.rule = () => undefined;
      if (killed === undefined) throw new Error('the gateway was not killed');
      await (restarted ?? (await killed).restart());
    },
  };
}

const resumeOsd = (scene: Scene) => process.kill(scene.gateway.pids.osd, 'SIGCONT');

/** Stops the OSD at that request: the gateway accepts requests and hangs. */
function pausedAt(operation: string, wanted: number, resumeMs: number | undefined): FaultSpec {
  let paused = false;
  return {
    gateway: patient,
    arrange(scene) {
      onceAt(scene, operation, wanted, () => {
        paused = true;
        process.kill(scene.gateway.pids.osd, 'SIGSTOP');
        if (resumeMs !== undefined) setTimeout(() => resumeOsd(scene), resumeMs);
      });
    },
    async endFault(scene) {
      if (!paused) throw new Error('the OSD was not paused');
      resumeOsd(scene);
    },
  };
}

const pausedBefore: FaultSpec = {
  gateway: patient,
  arrange(scene) {
    process.kill(scene.gateway.pids.osd, 'SIGSTOP');
  },
  async endFault(scene) {
    resumeOsd(scene);
  },
};

const limitRequests = (scene: Scene, limit: number) =>
  configureGateway(scene.gateway, 'rgw_max_concurrent_requests', String(limit));

/** The gateway responds to more than two requests at a time with 503 SlowDown. It does not start with this setting. */
const overloaded: FaultSpec = {
  gateway: own,
  async arrange(scene) {
    await limitRequests(scene, 2);
  },
  // The checks send requests too
  endFault: scene => limitRequests(scene, 1024),
  check: async (_scene, phase) =>
    / retries=0$/m.test(phase.stdout) ? ['the gateway refused no request'] : [],
};

export const gatewayCases: readonly FaultCase[] = [
  restoreCase('the gateway is killed and restarted after 1 s', {
    ...killedAt('GetObject', 3, 1000),
    allowed: ['the cache', 'unchanged'],
  }),
  restoreCase('the gateway is killed and not restarted', {
    ...killedAt('GetObject', 3, undefined),
    allowed: ['unchanged'],
    message: /::warning::.*is unavailable/,
  }),
  restoreCase('the OSD hangs for 5 s', { ...pausedAt('GetObject', 3, 5000), allowed: ['the cache'] }),
  restoreCase('the OSD hangs during the transfer', {
    ...pausedAt('GetObject', 3, undefined),
    allowed: ['unchanged'],
    message: /::warning::.*no (?:data|response|progress)/,
  }),
  restoreCase('the OSD hangs before the phase starts', {
    ...pausedBefore,
    allowed: ['unchanged'],
    message: /::warning::.*no (?:data|answer|response)/,
    limitMs: 12_000,
  }),
  restoreCase('the gateway accepts two requests at a time (503 SlowDown)', {
    ...overloaded,
    allowed: ['the cache', 'unchanged'],
  }),
  saveCase('the gateway is killed and restarted after 1 s', {
    ...killedAt('UploadPart', 2, 1000),
    short: true,
    allowed: ['saved', 'not saved'],
  }),
  saveCase('the gateway is killed and not restarted', {
    ...killedAt('UploadPart', 2, undefined),
    allowed: ['not saved'],
    mayLeaveUpload: true,
    message: /::warning::/,
  }),
  saveCase('the gateway is killed during CompleteMultipartUpload and restarted after 1 s', {
    ...killedAt('CompleteMultipartUpload', 1, 1000),
    allowed: ['saved', 'not saved'],
    // It keeps its lock for ten minutes: an Abort could remove the parts of a visible object
    mayLeaveUpload: true,
  }),
  saveCase('the OSD hangs for 5 s', { ...pausedAt('UploadPart', 2, 5000), allowed: ['saved'] }),
  saveCase('the OSD hangs during the transfer', {
    ...pausedAt('UploadPart', 2, undefined),
    allowed: ['not saved'],
    mayLeaveUpload: true,
    message: /::warning::.*no (?:data|response|progress)/,
  }),
  saveCase('the OSD hangs before the phase starts', {
    ...pausedBefore,
    allowed: ['not saved'],
    message: /::warning::.*no (?:data|answer|response)/,
    limitMs: 12_000,
  }),
  saveCase('the quota of the bucket is exceeded', {
    gateway: own,
    short: true,
    async arrange(scene) {
      const bucket = `--bucket=${scene.bucket.name}`;
      // Less than one part: the gateway counts parts that arrive together too late
      const limit = '--max-size=4M';
      await scene.gateway.admin(['quota', 'set', '--quota-scope=bucket', bucket, limit]);
      await scene.gateway.admin(['quota', 'enable', '--quota-scope=bucket', bucket]);
    },
    allowed: ['not saved'],
    message: /::warning::.*quota is used up/,
  }),
  saveCase('the gateway accepts two requests at a time (503 SlowDown)', {
    ...overloaded,
    short: true,
    // Enough for several parts at once
    tree: scene =>
      buildTreeIn(scene.workspace, { 'large.bin': incompressible(48 * 1024 * 1024, 'overloaded') }),
    async arrange(scene) {
      await overloaded.arrange(scene);
      return { inputs: { 'upload-chunk-size': String(5 * 1024 * 1024) } };
    },
    allowed: ['saved', 'not saved'],
  }),
];
