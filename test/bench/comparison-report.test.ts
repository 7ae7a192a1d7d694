import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import { benchCases } from '../../bench/cases.ts';
import type { Comparison } from '../../bench/compare.ts';
import type { Link } from '../../bench/link.ts';
import { comparisonReport } from '../../bench/report/comparison-report.ts';
import type { Sample } from '../../bench/run-once.ts';

const cores = availableParallelism();

function sample(wallSeconds: number, bytes?: number): Sample {
  return {
    wallSeconds,
    cpuSeconds: cores * 0.5,
    gatewayCpuSeconds: cores * 0.1,
    mainThreadCpuSeconds: 0.2,
    peakRssBytes: 100e6,
    output: '',
    report: { result: 'saved', bytes, reused: undefined, requests: undefined },
  };
}

function link(bitsPerSecond: number | undefined): Link {
  const name = bitsPerSecond === undefined ? 'loopback' : 'shaped';
  return { name, prefix: [], frontend: undefined, endpoint: undefined, bitsPerSecond, close() {} };
}

const floors = [
  { what: 'raw PUT', seconds: 1, by: 'wall' },
  { what: 'compress', seconds: 1.5, by: 'cores' },
] as const;

function report(letter: string, others: Record<string, Sample[]>, over: Link): string {
  const subject = benchCases(true).find(one => one.letter === letter)!;
  const ours = [sample(3, 150e6), sample(4, 150e6), sample(5, 150e6)];
  const comparison: Comparison = {
    data: undefined,
    runs: new Map([['save', new Map(Object.entries({ 'cache-s3': ours, ...others }))]]),
    floors: subject.tiny ? undefined : { save: floors, restore: [] },
    referenceCommands: new Set(),
  };
  return comparisonReport(comparison, {
    subject,
    place: 'tmpfs',
    link: over,
    machine: ['Machine'],
    level: undefined,
  });
}

const reference = [sample(6, 100e6), sample(5, 100e6), sample(10, 100e6)];

describe('the report of a comparison', () => {
  test('the report gives the quotient of the pairs, the sizes and the floor', () => {
    const text = report('a', { reference }, link(undefined));
    expect(text).toContain('cache-s3 takes **0.50 (0.50 to 0.80)** of the wall time of reference (3 pairs).');
    expect(text).toContain('Its object is 50.0 % larger than that of reference.');
    expect(text).toContain('cache-s3 takes **2.67** times its floor (compress, 1.50 s).');
    expect(text).toContain("Its CPU seconds and the gateway's over the cores are 0.60 s.");
    expect(text).not.toContain('wire');
  });

  test('the report includes the time on the wire if the link has a limit', () => {
    const text = report('a', { reference }, link(0.5e9));
    expect(text).toContain('over a link of 0.5 Gbit/s');
    expect(text).toContain('cache-s3 takes **1.67** times its floor (time on the wire, 2.40 s).');
  });

  test('the report subtracts the time of the empty program in the tiny cases', () => {
    const text = report('d', { 'node -e 0': [sample(1), sample(1), sample(1)] }, link(undefined));
    expect(text).toContain('cache-s3 takes **3.000 (2.000 to 4.000) s more** than `node -e 0` (3 pairs).');
    expect(text).not.toContain('floor');
  });
});
