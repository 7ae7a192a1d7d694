import { availableParallelism } from 'node:os';
import type { Case } from '../cases.ts';
import type { Comparison } from '../compare.ts';
import type { Floor } from '../floors/floors.ts';
import type { Link } from '../link.ts';
import type { Phase, PlaceName } from '../options.ts';
import type { Sample } from '../run-once.ts';
import { formatSpread, median, ratio, spread } from './statistics.ts';
import { table } from './table.ts';

interface ReportOptions {
  readonly subject: Case;
  readonly place: PlaceName;
  readonly link: Link;
  readonly machine: readonly string[];
  readonly level: number | undefined;
}

/** Returns the report on one case, in Markdown. */
export function comparisonReport(comparison: Comparison, options: ReportOptions): string {
  const { subject, place, link, machine, level } = options;
  const { data, runs, floors, referenceCommands } = comparison;
  const wire = link.bitsPerSecond === undefined ? 'loopback' : `a link of ${link.bitsPerSecond / 1e9} Gbit/s`;
  const blocks = [`# (${subject.letter}) ${subject.title}: on ${place}, over ${wire}`, machine.join('\n')];
  if (data !== undefined) {
    blocks.push(`Tree: ${data.files} files, ${(data.bytes / 1e6).toFixed(1)} MB, digest ${data.digest}.`);
  }
  if (level !== undefined)
    blocks.push(`cache-s3 with compression-level ${level}; the reference always with 3.`);
  for (const [phase, programs] of runs) {
    const section = new PhaseSection(phase, programs, options);
    blocks.push(`## ${phase}`, section.samples(), ...section.comparisons());
    if (floors !== undefined) blocks.push(...section.floors(floors[phase]));
  }
  if (referenceCommands.size > 0) {
    blocks.push('## The reference', '```', [...referenceCommands].join('\n'), '```');
  }
  return `${blocks.join('\n\n').replaceAll('```\n\n', '```\n').replaceAll('\n\n```', '\n```')}\n`;
}

class PhaseSection {
  readonly #phase: Phase;
  readonly #programs: ReadonlyMap<string, readonly Sample[]>;
  readonly #options: ReportOptions;
  readonly #ours: readonly Sample[];

  constructor(phase: Phase, programs: ReadonlyMap<string, readonly Sample[]>, options: ReportOptions) {
    this.#phase = phase;
    this.#programs = programs;
    this.#options = options;
    this.#ours = [...programs.values()][0] ?? [];
  }

  samples(): string {
    const head = ['', 'wall s', 'CPU s', 'gateway CPU s', 'peak RSS MB', 'stored MB', 'requests'];
    const rows = [...this.#programs].map(([name, samples]) => [
      name,
      formatSpread(spread(samples.map(sample => sample.wallSeconds)), this.#digits),
      middle(samples, sample => sample.cpuSeconds, this.#digits),
      middle(samples, sample => sample.gatewayCpuSeconds, 2),
      middle(samples, sample => sample.peakRssBytes / 1e6, 0),
      middle(samples, sample => toMegabytes(sample.report.bytes), this.#options.subject.tiny ? 3 : 1),
      middle(samples, sample => sample.report.requests, 0),
    ]);
    return table(head, rows);
  }

  /** Compares ours with each other program, pair by pair. */
  comparisons(): string[] {
    return [...this.#programs].slice(1).map(([name, samples]) => {
      const wall = (of: readonly Sample[]) => of.map(sample => sample.wallSeconds);
      const quotient = formatSpread(ratio(wall(this.#ours), wall(samples)), 2);
      const pairs = `${samples.length} pair${samples.length === 1 ? '' : 's'}`;
      if (name !== 'node -e 0') {
        return `cache-s3 takes **${quotient}** of the wall time of ${name} (${pairs}).${this.#sizes(samples, name)}`;
      }
      const more = spread(wall(this.#ours).map((value, index) => value - samples[index]!.wallSeconds));
      return `cache-s3 takes **${formatSpread(more, 3)} s more** than \`${name}\` (${pairs}).`;
    });
  }

  floors(floors: readonly Floor[]): string[] {
    const all = [...floors, ...this.#wireFloors()];
    const binding = all.reduce((a, b) => (b.seconds > a.seconds ? b : a));
    const took = median(this.#ours.map(sample => sample.wallSeconds));
    const factor = (took / binding.seconds).toFixed(2);
    const how = { wall: 'as it was', cores: 'CPU seconds over the cores' };
    return [
      table(
        ['floor', 'seconds', 'counted'],
        all.map(({ what, seconds, by }) => [what, seconds.toFixed(2), how[by]]),
      ),
      `cache-s3 takes **${factor}** times its floor (${binding.what}, ${binding.seconds.toFixed(2)} s). ` +
        `Its CPU seconds and the gateway's over the cores are ${this.#coreSeconds().toFixed(2)} s.`,
    ];
  }

  /** Returns the floors of a link with a limit: the object's time on the wire, and all CPU seconds. */
  #wireFloors(): Floor[] {
    const { bitsPerSecond } = this.#options.link;
    const bytes = this.#ours[0]?.report.bytes;
    if (bitsPerSecond === undefined || bytes === undefined) return [];
    return [
      { what: 'all CPU of cache-s3 and gateway', seconds: this.#coreSeconds(), by: 'cores' },
      { what: 'time on the wire', seconds: (bytes * 8) / bitsPerSecond, by: 'wall' },
    ];
  }

  #coreSeconds(): number {
    const work = this.#ours.map(sample => sample.cpuSeconds + sample.gatewayCpuSeconds);
    return median(work) / availableParallelism();
  }

  #sizes(samples: readonly Sample[], name: string): string {
    const [own, others] = [this.#ours[0]?.report.bytes, samples[0]?.report.bytes];
    if (this.#phase !== 'save' || !own || !others) return '';
    const percent = (own / others - 1) * 100;
    return ` Its object is ${Math.abs(percent).toFixed(1)} % ${percent < 0 ? 'smaller' : 'larger'} than that of ${name}.`;
  }

  get #digits(): number {
    return this.#options.subject.tiny ? 3 : 2;
  }
}

/** Returns the median, or `-` if the program does not print the figure. */
function middle(
  samples: readonly Sample[],
  value: (sample: Sample) => number | undefined,
  digits: number,
): string {
  const known = samples.map(value).filter(number => number !== undefined);
  return known.length === 0 ? '-' : median(known).toFixed(digits);
}

const toMegabytes = (bytes: number | undefined) => (bytes === undefined ? undefined : bytes / 1e6);
