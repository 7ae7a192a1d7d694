/** Answers and bodies that come late, break off, or are not what was sent. */

import { firstTimes, type Rule } from '../../support/servers/fault-proxy.ts';
import type { FaultCase } from '../case.ts';
import { restoreElsewhere } from '../judge.ts';
import { restoreCase } from '../restore-case.ts';
import { saveCase } from '../save-case.ts';
import type { Scene } from '../scene.ts';
import { buildIn } from '../trees.ts';

const MIB = 1024 * 1024;

const breaks = (rule: () => Rule) => (scene: Scene) => {
  const chosen = rule();
  let hits = 0;
  scene.proxy.rule = request => {
    const fault = chosen(request);
    if (fault !== undefined) hits++;
    return fault;
  };
  scene.mustHappen(() => hits > 0);
  return undefined;
};
const always = (operation: string | undefined, fault: Parameters<typeof firstTimes>[2]) => () =>
  firstTimes(Number.POSITIVE_INFINITY, operation, fault);
const times = (count: number, operation: string | undefined, fault: Parameters<typeof firstTimes>[2]) => () =>
  firstTimes(count, operation, fault);

/** The n-th request of an operation, counted from 1. */
const nth = (wanted: number, operation: string, fault: Parameters<typeof firstTimes>[2]) => (): Rule => {
  let seen = 0;
  return request => (request.operation === operation && ++seen === wanted ? fault : undefined);
};

const restores: FaultCase[] = [
  restoreCase('every response is delayed by 300 ms', {
    arrange: breaks(always(undefined, { kind: 'delay', ms: 300 })),
    ends: ['the cache'],
  }),
  restoreCase('one response stops after 1 MB', {
    arrange: breaks(nth(2, 'GetObject', { kind: 'stall', afterBytes: MIB })),
    ends: ['the cache'],
  }),
  restoreCase('every response stops after 100 kB', {
    arrange: breaks(always('GetObject', { kind: 'stall', afterBytes: 100_000 })),
    ends: ['as before'],
    says: /::warning::.*no data for 15 s/,
  }),
  restoreCase('three responses are reset after 1 MB', {
    short: true,
    arrange: breaks(() => {
      let left = 3;
      return ({ operation, index }) =>
        operation === 'GetObject' && index > 0 && left-- > 0 ? { kind: 'cut', afterBytes: MIB } : undefined;
    }),
    ends: ['the cache'],
  }),
  restoreCase('every response is reset after 100 kB', {
    short: true,
    arrange: breaks(always('GetObject', { kind: 'cut', afterBytes: 100_000 })),
    ends: ['as before'],
    says: /::warning::.*(?:reset|broke off|closed)/,
  }),
  restoreCase('two connections are reset before the response', {
    arrange: breaks(times(2, undefined, { kind: 'reset', served: false })),
    ends: ['the cache'],
  }),
  restoreCase('three responses end early', {
    arrange: breaks(() => {
      let left = 3;
      return ({ operation, index }) =>
        operation === 'GetObject' && index > 0 && left-- > 0
          ? { kind: 'truncate', afterBytes: 3 * MIB }
          : undefined;
    }),
    ends: ['the cache'],
  }),
  restoreCase('a byte of the data is changed in transit', {
    short: true,
    arrange: breaks(nth(3, 'GetObject', { kind: 'corrupt', atByte: MIB })),
    ends: ['as before'],
    says: /::warning::.*damaged/,
  }),
  restoreCase('a byte of the manifest is changed in transit', {
    arrange: breaks(nth(1, 'GetObject', { kind: 'corrupt', atByte: 256 * 1024 - 400 })),
    ends: ['as before'],
    says: /::warning::.*damaged/,
  }),
  ...[429, 500, 503].map(status =>
    restoreCase(`three responses with ${status}`, {
      short: status === 503,
      arrange: breaks(times(3, undefined, { kind: 'answer', status })),
      ends: ['the cache'],
    }),
  ),
  restoreCase('the gateway responds with 503 to every read of data', {
    short: true,
    arrange: breaks(
      () =>
        ({ index }) =>
          index > 0 ? { kind: 'answer', status: 503 } : undefined,
    ),
    ends: ['as before'],
    says: /::warning::.*503/,
  }),
];

const saves: FaultCase[] = [
  saveCase('every response is delayed by 300 ms', {
    arrange: breaks(always(undefined, { kind: 'delay', ms: 300 })),
    ends: ['saved'],
  }),
  saveCase('the gateway stops reading one part after 1 MB', {
    limitMs: 25_000,
    arrange: breaks(times(1, 'UploadPart', { kind: 'stall-upload', afterBytes: MIB })),
    ends: ['saved'],
  }),
  saveCase('the gateway never responds again after the first part', {
    arrange(scene) {
      let silent = false;
      scene.proxy.rule = ({ operation }) => {
        if (silent) return { kind: 'silent' };
        silent = operation === 'UploadPart';
        return undefined;
      };
      return undefined;
    },
    ends: ['not saved'],
    mayLeaveUpload: true,
    says: /::warning::.*no data for 15 s/,
  }),
  saveCase('three uploads of a part are reset after 1 MB', {
    short: true,
    arrange: breaks(times(3, 'UploadPart', { kind: 'cut-upload', afterBytes: MIB })),
    ends: ['saved'],
  }),
  saveCase('every upload of a part is reset after 1 MB', {
    short: true,
    arrange: breaks(always('UploadPart', { kind: 'cut-upload', afterBytes: MIB })),
    ends: ['not saved'],
    says: /::warning::.*(?:reset|closed)/,
  }),
  saveCase('the response to one CreateMultipartUpload is lost', {
    short: true,
    arrange: breaks(times(1, 'CreateMultipartUpload', { kind: 'reset', served: true })),
    ends: ['saved'],
    mayLeaveUpload: true,
  }),
  saveCase('the responses to two parts are lost', {
    arrange: breaks(times(2, 'UploadPart', { kind: 'reset', served: true })),
    ends: ['saved'],
  }),
  saveCase('the response to CompleteMultipartUpload is lost', {
    short: true,
    arrange: breaks(times(1, 'CompleteMultipartUpload', { kind: 'reset', served: true })),
    ends: ['saved'],
    says: /^Cache saved with key/,
  }),
  saveCase('the gateway responds with 500 to every CompleteMultipartUpload', {
    short: true,
    arrange: breaks(always('CompleteMultipartUpload', { kind: 'answer', status: 500 })),
    ends: ['not saved'],
    says: /::warning::.*500/,
  }),
  saveCase('the response to the PutObject of a small cache is lost', {
    tree: scene => buildIn(scene.workspace, { 'a.txt': 'small' }),
    arrange: breaks(times(1, 'PutObject', { kind: 'reset', served: true })),
    ends: ['saved'],
    says: /^Cache saved with key/,
  }),
  saveCase('another program aborts the upload while it is written', {
    arrange(scene) {
      scene.proxy.rule = nthUpload(2, () => void scene.bucket.abortUploads());
      return undefined;
    },
    ends: ['not saved'],
    says: /::warning::/,
  }),
  saveCase('a byte of a part is changed in transit', {
    arrange: breaks(times(1, 'UploadPart', { kind: 'corrupt-upload', atByte: MIB })),
    ends: ['saved'],
    // No server that ignores checksums can notice this; the next restore does, and stores it anew
    treeChanges: true,
    async after(scene) {
      const { phase, tree } = await restoreElsewhere(scene);
      const damaged = /damaged/.test(phase.stdout) && Object.keys(tree).length === 0;
      return damaged ? [] : [`a restore takes the damaged object:\n${phase.stdout}`];
    },
  }),
  ...[429, 500, 503].map(status =>
    saveCase(`three responses with ${status}`, {
      short: status === 503,
      arrange: breaks(times(3, 'UploadPart', { kind: 'answer', status })),
      ends: ['saved'],
    }),
  ),
  saveCase('the gateway responds with 503 to every part', {
    short: true,
    arrange: breaks(always('UploadPart', { kind: 'answer', status: 503 })),
    ends: ['not saved'],
    says: /::warning::.*503/,
  }),
];

/** Does something at the n-th part, which goes on a little later. */
function nthUpload(wanted: number, what: () => void): Rule {
  let seen = 0;
  return ({ operation }) => {
    if (operation !== 'UploadPart' || ++seen !== wanted) return undefined;
    what();
    return { kind: 'delay', ms: 300 };
  };
}

export const transferCases: readonly FaultCase[] = [...restores, ...saves];
