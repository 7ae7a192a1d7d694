/** `npm run bench:disk`: restores with and without a disk cache, in turn. */

import { integer, list, one, readOptions } from '../arguments.ts';
import { benchCases } from '../cases.ts';
import { linkNames } from '../options.ts';
import { openPlace } from '../place.ts';
import { machineLines } from '../report/machine.ts';
import { publish } from '../report/publish.ts';
import { runToEnd } from '../run.ts';
import { warmMemory } from '../warm-memory.ts';
import { openWorkbench } from '../workbench.ts';
import { Host } from './host.ts';
import { keepLimit } from './limit.ts';
import { firstRestores, nextGeneration, secondRestores } from './measurements.ts';
import { restoreTogether } from './together.ts';

const parts = ['second', 'first', 'generation', 'together', 'limit'] as const;
const letters = ['a', 'b', 'c'] as const;

const usage = `npm run bench:disk -- [OPTIONS]
  --only second,first,generation,together,limit
                             second restore on a host, first one with an empty disk cache, next generation with 5 %
                             changed, sixteen restores at once, a limit below the size of the object (all)
  --case a|b|c               the tree (a)
  --link loopback|shaped|slow
                             how the client reaches the gateway (loopback)
  --pairs N                  measured pairs (5)
  --quick                    small data; the report is only printed`;

await runToEnd(async stop => {
  const values = readOptions(
    process.argv.slice(2),
    {
      only: { type: 'string' },
      case: { type: 'string', default: 'a' },
      link: { type: 'string', default: 'loopback' },
      pairs: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
    usage,
  );
  const { quick } = values;
  const letter = one('case', values.case, letters);
  const link = one('link', values.link, linkNames);
  const wanted = list('only', values.only, parts) ?? parts;
  const pairs = integer('pairs', values.pairs, 1, 100) ?? (quick ? 1 : 5);
  // A quarter of case b: sixteen of its trees have to fit into memory
  const subject = benchCases(quick || letter === 'b').find(one => one.letter === letter)!;
  if (!quick) warmMemory();
  const bench = await openWorkbench({ link, stop });
  const place = await openPlace('tmpfs');
  try {
    const host = new Host(bench, place);
    const data = await subject.data!(bench.cacheDirectory);
    await host.stock(data);
    const sections: string[] = [];
    if (wanted.includes('second')) sections.push(await secondRestores(host, pairs));
    if (wanted.includes('first')) sections.push(await firstRestores(host, pairs));
    if (wanted.includes('generation')) sections.push(await nextGeneration(host));
    if (wanted.includes('together')) sections.push(await restoreTogether(host, data));
    if (wanted.includes('limit')) sections.push(await keepLimit(host, data));
    const report = [
      `# Restores with a disk cache: case ${letter}, ${subject.title}, ${link}`,
      machineLines(bench.gateway.version).join('\n'),
      `Tree: ${data.files} files, ${(data.bytes / 1e6).toFixed(1)} MB, digest ${data.digest}. Tree and disk cache are on tmpfs.`,
      ...sections,
    ].join('\n\n');
    console.log(report);
    const name = ['disk-cache', letter, link, ...(wanted.length < parts.length ? wanted : [])].join('-');
    if (!quick) await publish(name, `${report}\n`);
  } finally {
    await place.remove();
    await bench.close();
  }
});
