import type { PhaseFacts } from '../../src/report/closing-line.ts';

export const saved: PhaseFacts = {
  op: 'save',
  source: 's3',
  result: 'saved',
  sizeBytes: 279_000_000,
  entries: 2092,
  rawBytes: 830_000_000,
  ms: 2000.4,
  requests: 21,
  retries: 1,
};

export const miss: PhaseFacts = {
  op: 'restore',
  source: 'none',
  result: 'miss',
  sizeBytes: undefined,
  entries: undefined,
  rawBytes: undefined,
  ms: 80,
  requests: 4,
  retries: 0,
};
