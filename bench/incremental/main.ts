/** `npm run bench:incremental`: measures saves after a restore, and restores over an existing tree. */

import { integer, list, one, readOptions } from '../arguments.ts';
import { BenchError } from '../bench-error.ts';
import { benchCases } from '../cases.ts';
import { type PlaceName, placeNames } from '../options.ts';
import { openPlace } from '../place.ts';
import { machineLines } from '../report/machine.ts';
import { publish } from '../report/publish.ts';
import { runToEnd } from '../run.ts';
import { warmMemory } from '../warm-memory.ts';
import { openWorkbench } from '../workbench.ts';
import { type Chain, chainRestoreLine, chainTable, measureChain } from './chain.ts';
import { type Edit, editKinds, spreads } from './edits.ts';
import { type GoCache, goCacheTable, measureGoCache } from './go-cache.ts';
import {
  measureNoting,
  measureResave,
  type NotingRestores,
  notingLine,
  type Resave,
  resaveTable,
  stock,
} from './resave.ts';
import { StepRunner } from './runs.ts';
import { targetLines } from './targets.ts';
import { measureWarm, type WarmRestore, warmTable } from './warm.ts';

const parts = ['resave', 'touched', 'go', 'warm', 'chain'] as const;
const generations = 20;

const usage = `npm run bench:incremental -- [OPTIONS]
  --only resave,touched,go,warm,chain
                             which parts (all; go needs Go on the PATH)
  --shares 0,1,5,20          per cent of the files that are changed, added or removed
  --kinds changed,added,removed, --spreads scattered,...
                             of which edits (all)
  --rounds N                 measured pairs of each (3; 1 with --quick)
  --where tmpfs|disk         the place of the trees and temporary files (tmpfs)
  --quick                    small data; the report is only printed`;

const commandLine = {
  only: { type: 'string' },
  shares: { type: 'string', default: '0,1,5,20' },
  kinds: { type: 'string' },
  spreads: { type: 'string' },
  rounds: { type: 'string' },
  where: { type: 'string', default: 'tmpfs' },
  quick: { type: 'boolean', default: false },
} as const;

await runToEnd(async stop => {
  const options = parse(process.argv.slice(2));
  const [subject] = benchCases(options.quick);
  if (!options.quick) warmMemory();
  const bench = await openWorkbench({ link: 'loopback', stop });
  const place = await openPlace(options.place);
  try {
    const data = await subject!.data!(bench.cacheDirectory);
    const runner = new StepRunner(bench, place);
    await bench.gateway.bucket(runner.bucket).create();
    await stock(runner, data.directory);

    const resaves: Resave[] = [];
    const warm: WarmRestore[] = [];
    let noting: NotingRestores | undefined;
    let goCache: GoCache | undefined;
    let chain: Chain | undefined;
    const edits = editsOf(options);
    for (const edit of options.parts.includes('resave') ? edits : []) {
      console.error(`bench: re-save, ${edit.share * 100} % ${edit.kind}, ${edit.spread}`);
      resaves.push(await measureResave(runner, edit, options.rounds));
    }
    for (const edit of options.parts.includes('warm') ? edits : []) {
      console.error(`bench: warm restore, ${edit.share * 100} % ${edit.kind}, ${edit.spread}`);
      warm.push(await measureWarm(runner, edit, data.digest, options.rounds));
    }
    if (options.parts.includes('touched')) {
      console.error('bench: re-save, 1 % changed, all touched');
      resaves.push(
        await measureResave(
          runner,
          { kind: 'changed', spread: 'scattered', share: 0.01, touchesAll: true },
          options.rounds,
        ),
      );
      noting = await measureNoting(runner, options.rounds);
    }
    if (options.parts.includes('go')) {
      console.error("bench: Go's build cache");
      goCache = await measureGoCache(runner);
    }
    if (options.parts.includes('chain')) {
      console.error(`bench: a chain of ${generations} generations`);
      chain = await measureChain(runner, generations, options.rounds);
    }

    const report = [
      `# Incremental saves and warm restores: ${subject!.title}, on ${place.name}`,
      machineLines(bench.gateway.version).join('\n'),
      `Tree: ${data.files} files, ${(data.bytes / 1e6).toFixed(1)} MB, digest ${data.digest}. ${options.rounds} pairs of each.`,
      ...(resaves.length > 0 ? ['## Saved again after a restore', resaveTable(resaves)] : []),
      ...(noting ? [notingLine(noting)] : []),
      ...(goCache ? ["## Go's build cache, entries two hours old", goCacheTable(goCache)] : []),
      ...(warm.length > 0 ? ['## Restored onto what is there', warmTable(warm)] : []),
      ...(chain
        ? [`## ${generations} generations, 3 % each`, chainTable(chain), chainRestoreLine(chain)]
        : []),
      '## What was promised',
      targetLines({ files: data.files, resaves, warm, goCache, chain }).join('\n'),
      'That each object restores to what was saved: `npm run histories -- --count 500`.',
    ].join('\n\n');
    console.log(report);
    if (!options.quick) await publish(`incremental-${place.name}`, `${report}\n`);
  } finally {
    await place.remove();
    await bench.close();
  }
});

interface Options {
  readonly parts: readonly (typeof parts)[number][];
  readonly shares: readonly number[];
  readonly kinds: readonly Edit['kind'][];
  readonly spreads: readonly Edit['spread'][];
  readonly rounds: number;
  readonly place: PlaceName;
  readonly quick: boolean;
}

function parse(args: string[]): Options {
  const values = readOptions(args, commandLine, usage);
  const shares = values.shares.split(',').map(Number);
  if (!shares.every(share => share >= 0 && share <= 100)) {
    throw new BenchError(`--shares is '${values.shares}', but it has to be a list of per cents.`);
  }
  const wanted = list('only', values.only, parts) ?? parts;
  return {
    parts: parts.filter(part => wanted.includes(part)),
    shares: shares.map(share => share / 100),
    kinds: list('kinds', values.kinds, editKinds) ?? editKinds,
    spreads: list('spreads', values.spreads, spreads) ?? spreads,
    rounds: integer('rounds', values.rounds, 1, 100) ?? (values.quick ? 1 : 3),
    place: one('where', values.where, placeNames),
    quick: values.quick,
  };
}

/** Returns the edits: each share of each kind and spread. A share of 0 is one edit. */
function editsOf({ shares, kinds, spreads }: Options): Edit[] {
  return shares.flatMap(share =>
    share === 0
      ? [{ kind: 'changed', spread: 'scattered', share } as const]
      : spreads.flatMap(spread => kinds.map(kind => ({ kind, spread, share }))),
  );
}
