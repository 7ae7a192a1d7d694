/** `npm run bench`: see bench/README.md. */

import { BenchError } from './bench-error.ts';
import { benchCases, type Case } from './cases.ts';
import { compare } from './compare.ts';
import { type BenchOptions, parseOptions } from './options.ts';
import { openPlace, type Place } from './place.ts';
import { comparisonReport } from './report/comparison-report.ts';
import { machineLines } from './report/machine.ts';
import { publish } from './report/publish.ts';
import { runToEnd } from './run.ts';
import { measureScale, scaleReport } from './scale.ts';
import { warmMemory } from './warm-memory.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

await runToEnd(async stop => {
  const options = parseOptions(process.argv.slice(2));
  const subjects = benchCases(options.quick).filter(({ letter }) => options.cases.includes(letter));
  if (!options.quick) warmMemory();
  for (const link of options.links) {
    const bench = await openWorkbench({ link, stop });
    try {
      for (const placeName of options.places) {
        for (const subject of subjects) {
          console.error(`bench: (${subject.letter}) ${subject.title}, ${placeName}, ${link}`);
          const place = await openPlace(placeName);
          try {
            await (options.workers.length > 0 ? scaleOf : comparisonOf)(bench, place, subject, options);
          } finally {
            await place.remove();
          }
        }
      }
    } finally {
      await bench.close();
    }
  }
});

async function comparisonOf(
  bench: Workbench,
  place: Place,
  subject: Case,
  options: BenchOptions,
): Promise<void> {
  const comparison = await compare(bench, place, subject, options);
  const { link, gateway } = bench;
  const machine = machineLines(gateway.version);
  const report = comparisonReport(comparison, {
    subject,
    place: place.name,
    link,
    machine,
    level: options.level,
  });
  const variants = [
    ...(options.phases.length === 1 ? options.phases : []),
    ...(options.level === undefined ? [] : [`level${options.level}`]),
    ...options.peers.map(({ name }) => name),
  ];
  await printReport([subject.letter, place.name, link.name, ...variants].join('-'), report, options);
}

async function scaleOf(bench: Workbench, place: Place, subject: Case, options: BenchOptions): Promise<void> {
  const { data } = subject;
  if (data === undefined || subject.tiny) {
    throw new BenchError(
      `--workers is '${options.workers.join(',')}', but case ${subject.letter} starts none: use --cases a,b,c.`,
    );
  }
  const scale = await measureScale(bench, place, { ...subject, data }, options);
  const report = scaleReport(scale, subject, place, machineLines(bench.gateway.version));
  await printReport(`scale-${subject.letter}-${place.name}-${bench.link.name}`, report, options);
}

async function printReport(name: string, report: string, { quick }: BenchOptions): Promise<void> {
  console.log(report);
  if (!quick) await publish(name, report);
}
