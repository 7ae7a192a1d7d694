/** Requests and responses that are late, lost, reset, truncated or changed in transit. */

import { incompressible } from '../../support/random.ts';
import { type Fault, firstTimes, type Rule } from '../../support/servers/fault-proxy.ts';
import { MiB } from '../../support/sizes.ts';
import type { FaultCase } from '../case.ts';
import { restoreElsewhere } from '../checks.ts';
import { restoreCase } from '../restore-case.ts';
import { saveCase } from '../save-case.ts';
import type { Scene } from '../scene.ts';
import { buildTreeIn } from '../trees.ts';

/** Arranges a rule of the proxy, which must break a request. */
const breakBy =
  (rule: () => Rule) =>
  (scene: Scene): undefined => {
    const chosen = rule();
    let faults = 0;
    scene.proxy.rule = request => {
      const fault = chosen(request);
      if (fault !== undefined) faults++;
      return fault;
    };
    scene.expectFault(() => faults > 0);
  };
const always = (operation: string | undefined, fault: Fault) => () =>
  firstTimes(Number.POSITIVE_INFINITY, operation, fault);
const times = (count: number, operation: string | undefined, fault: Fault) => () =>
  firstTimes(count, operation, fault);

/** Breaks the n-th request of an operation, counted from 1. */
const nth = (wanted: number, operation: string, fault: Fault) => (): Rule => {
  let seen = 0;
  return request => (request.operation === operation && ++seen === wanted ? fault : undefined);
};

const restores: FaultCase[] = [
  restoreCase('every response is delayed by 300 ms', {
    arrange: breakBy(always(undefined, { kind: 'delay', ms: 300 })),
    allowed: ['the cache'],
  }),
  restoreCase('one response stops after 1 MB', {
    arrange: breakBy(nth(2, 'GetObject', { kind: 'stall', afterBytes: MiB })),
    allowed: ['the cache'],
  }),
  restoreCase('every response stops after 100 kB', {
    limitMs: 60_000,
    arrange: breakBy(always('GetObject', { kind: 'stall', afterBytes: 100_000 })),
    allowed: ['unchanged'],
    message: /::warning::.*no (?:data|response|progress)/,
  }),
  restoreCase('three responses are reset after 1 MB', {
    short: true,
    arrange: breakBy(() => {
      let left = 3;
      return ({ operation, index }) =>
        operation === 'GetObject' && index > 0 && left-- > 0 ? { kind: 'cut', afterBytes: MiB } : undefined;
    }),
    allowed: ['the cache'],
  }),
  restoreCase('every response is reset after 100 kB', {
    short: true,
    arrange: breakBy(always('GetObject', { kind: 'cut', afterBytes: 100_000 })),
    allowed: ['unchanged'],
    message: /::warning::.*(?:reset|ended early|closed)/,
  }),
  restoreCase('two connections are reset before the response', {
    arrange: breakBy(times(2, undefined, { kind: 'reset', served: false })),
    allowed: ['the cache'],
  }),
  restoreCase('three responses end early', {
    arrange: breakBy(() => {
      let left = 3;
      return ({ operation, index }) =>
        operation === 'GetObject' && index > 0 && left-- > 0
          ? { kind: 'truncate', afterBytes: 3 * MiB }
          : undefined;
    }),
    allowed: ['the cache'],
  }),
  restoreCase('a byte of the data is changed in transit', {
    short: true,
    arrange: breakBy(nth(3, 'GetObject', { kind: 'corrupt', atByte: MiB })),
    allowed: ['unchanged'],
    message: /::warning::.*damaged/,
  }),
  restoreCase('a byte of the manifest is changed in transit', {
    arrange: breakBy(nth(1, 'GetObject', { kind: 'corrupt', atByte: 256 * 1024 - 400 })),
    allowed: ['unchanged'],
    message: /::warning::.*damaged/,
  }),
  ...[429, 500, 503].map(status =>
    restoreCase(`three responses with ${status}`, {
      arrange: breakBy(times(3, undefined, { kind: 'answer', status })),
      allowed: ['the cache'],
    }),
  ),
  restoreCase('the gateway responds with 503 to every read of data', {
    short: true,
    arrange: breakBy(
      () =>
        ({ index }) =>
          index > 0 ? { kind: 'answer', status: 503 } : undefined,
    ),
    allowed: ['unchanged'],
    message: /::warning::.*503/,
  }),
];

const saves: FaultCase[] = [
  saveCase('every response is delayed by 300 ms', {
    arrange: breakBy(always(undefined, { kind: 'delay', ms: 300 })),
    allowed: ['saved'],
  }),
  saveCase('the gateway stops reading one part after 1 MB', {
    limitMs: 25_000,
    arrange: breakBy(times(1, 'UploadPart', { kind: 'stall-upload', afterBytes: MiB })),
    allowed: ['saved'],
  }),
  saveCase('the gateway never responds again after the first part', {
    arrange(scene) {
      let silent = false;
      scene.proxy.rule = ({ operation }) => {
        if (silent) return { kind: 'silent' };
        silent = operation === 'UploadPart';
        return undefined;
      };
    },
    allowed: ['not saved'],
    mayLeaveUpload: true,
    message: /::warning::.*no (?:data|response|progress)/,
  }),
  saveCase('three uploads of a part are reset after 1 MB', {
    arrange: breakBy(times(3, 'UploadPart', { kind: 'cut-upload', afterBytes: MiB })),
    allowed: ['saved'],
  }),
  saveCase('three uploads of a part of a large cache are reset after 1 MB', {
    tree: scene => buildTreeIn(scene.workspace, { 'big.bin': incompressible(300 * MiB, 'large') }),
    // A sending thread sends parts of this size, because they are packed fast
    arrange: breakBy(() => {
      const cut = firstTimes(3, 'UploadPart', { kind: 'cut-upload', afterBytes: MiB });
      return request => (/partNumber=[23][0-9]/.test(request.url) ? cut(request) : undefined);
    }),
    allowed: ['saved'],
  }),
  saveCase('every upload of a part is reset after 1 MB', {
    short: true,
    arrange: breakBy(always('UploadPart', { kind: 'cut-upload', afterBytes: MiB })),
    allowed: ['not saved'],
    message: /::warning::.*(?:reset|closed)/,
  }),
  saveCase('the response to one CreateMultipartUpload is lost', {
    short: true,
    arrange: breakBy(times(1, 'CreateMultipartUpload', { kind: 'reset', served: true })),
    allowed: ['saved'],
    mayLeaveUpload: true,
  }),
  saveCase('the responses to two parts are lost', {
    arrange: breakBy(times(2, 'UploadPart', { kind: 'reset', served: true })),
    allowed: ['saved'],
  }),
  saveCase('the response to CompleteMultipartUpload is lost', {
    short: true,
    arrange: breakBy(times(1, 'CompleteMultipartUpload', { kind: 'reset', served: true })),
    allowed: ['saved'],
    message: /^Cache saved with key/,
  }),
  saveCase('the gateway responds with 500 to every CompleteMultipartUpload', {
    arrange: breakBy(always('CompleteMultipartUpload', { kind: 'answer', status: 500 })),
    allowed: ['not saved'],
    message: /::warning::.*500/,
  }),
  saveCase('the response to the PutObject of a small cache is lost', {
    tree: scene => buildTreeIn(scene.workspace, { 'a.txt': 'small' }),
    arrange: breakBy(times(1, 'PutObject', { kind: 'reset', served: true })),
    allowed: ['saved'],
    message: /^Cache saved with key/,
  }),
  saveCase('another program aborts the upload while it is written', {
    arrange(scene) {
      scene.proxy.rule = atPart(2, () => void scene.bucket.abortUploads());
    },
    allowed: ['not saved'],
    message: /::warning::/,
  }),
  saveCase('a byte of a part is changed in transit', {
    arrange: breakBy(times(1, 'UploadPart', { kind: 'corrupt-upload', atByte: MiB })),
    allowed: ['saved'],
    // A server that ignores checksums does not notice this. The next restore does, and its job replaces the object
    treeChanges: true,
    async check(scene) {
      const { phase, tree } = await restoreElsewhere(scene);
      const damaged = /damaged/.test(phase.stdout) && Object.keys(tree).length === 0;
      return damaged ? [] : [`a restore accepts the damaged object:\n${phase.stdout}`];
    },
  }),
  ...[429, 500, 503].map(status =>
    saveCase(`three responses with ${status}`, {
      short: status === 503,
      arrange: breakBy(times(3, 'UploadPart', { kind: 'answer', status })),
      allowed: ['saved'],
    }),
  ),
  saveCase('the gateway responds with 503 to every part', {
    arrange: breakBy(always('UploadPart', { kind: 'answer', status: 503 })),
    allowed: ['not saved'],
    message: /::warning::.*503/,
  }),
];

/** Calls `act` at the n-th part, which is forwarded a little later. */
function atPart(wanted: number, act: () => void): Rule {
  let seen = 0;
  return ({ operation }) => {
    if (operation !== 'UploadPart' || ++seen !== wanted) return undefined;
    act();
    return { kind: 'delay', ms: 300 };
  };
}

export const transferCases: readonly FaultCase[] = [...restores, ...saves];
