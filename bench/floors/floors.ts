import { createWriteStream } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Phase } from '../options.ts';
import type { Place } from '../place.ts';
import { type Measured, measure } from '../process/measure.ts';
import { median } from '../report/statistics.ts';
import { deleteLargeTree, type Workbench } from '../workbench.ts';

/** The time of one part of the work, done alone by a program in C: a lower bound for all programs. */
export interface Floor {
  readonly what: string;
  readonly seconds: number;
  /** `wall`: wall time; `cores`: CPU seconds divided by the machine's cores. */
  readonly by: 'wall' | 'cores';
}

export type PhaseFloors = Readonly<Record<Phase, readonly Floor[]>>;

interface FloorOptions {
  /** The stored object. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The unpacked tree, which is deleted. */
  readonly tree: string;
  /** The number of runs of each measurement, of which the median counts. */
  readonly repetitions: number;
  /** zstd level of the compression floor. */
  readonly level: number;
  /** Called when the object is in a file and the gateway no longer needs it. */
  readonly onObjectRead: () => Promise<void>;
}

/** The number of connections of the raw transfers, which share the object. */
const streams = 4;
const bucket = 'bench-floor';

/** Measures each part of a save and a restore alone, with the same bytes, in the same place, over the same link. */
export async function measureFloors(
  bench: Workbench,
  place: Place,
  options: FloorOptions,
): Promise<PhaseFloors> {
  const { temp, workspace } = place;
  deleteLargeTree(temp);
  deleteLargeTree(path.join(workspace, 'floor'));
  const shell = new Shell(bench, temp, options.repetitions);
  await shell.setup(`mkdir -p '${temp}'`, '/');
  const object = path.join(temp, 'object.tar.zst');
  const plain = path.join(temp, 'plain.tar');
  await pipeline(Readable.from(options.chunks), createWriteStream(object));
  await options.onObjectRead();

  const transfers = await measureTransfers(bench, shell, object);
  const read = await shell.cores(
    'read the files',
    `find '${options.tree}' -type f -print0 | xargs -0 cat >/dev/null`,
  );
  await shell.setup(
    `tar --posix -cf '${plain}' -C '${path.dirname(options.tree)}' '${path.basename(options.tree)}'`,
  );
  const compress = await shell.cores('compress', `zstd -q -T0 -${options.level} -c '${plain}' >/dev/null`);
  const decompress = await shell.cores('decompress', `zstd -q -dc '${object}' >/dev/null`);
  deleteLargeTree(options.tree);
  const write = await shell.cores('write the files', `tar -xf '${plain}' -C '${workspace}'`, () =>
    deleteLargeTree(options.tree),
  );
  await shell.setup(`rm -f '${temp}'/*`);
  return { save: [...transfers.save, read, compress], restore: [...transfers.restore, decompress, write] };
}

async function measureTransfers(bench: Workbench, shell: Shell, object: string): Promise<PhaseFloors> {
  const { gateway, store } = bench;
  await gateway.bucket(bucket).create({ ACL: 'public-read-write' });
  await shell.setup(`split -n ${streams} -d -a 1 '${object}' '${object}.'`);
  // All users may write to the bucket: curl does not sign
  const all = (curl: string) =>
    `for n in $(seq 0 ${streams - 1}); do ${curl} & jobs="$jobs $!"; done; for job in $jobs; do wait $job || exit 1; done`;
  const url = `${store.endpoint}/${bucket}/$n`;
  const curl = 'curl -sSf --noproxy "*" -o /dev/null -H Expect:';
  const put = await shell.wall('raw PUT', all(`${curl} -H x-amz-acl:public-read -T '${object}'.$n ${url}`));
  const get = await shell.wall('raw GET', all(`${curl} ${url}`));
  await gateway.empty(bucket);
  await shell.setup(`rm -f '${object}'.*`);
  return { save: [put], restore: [get] };
}

/** Runs lines of bash at the client's end of the link. */
class Shell {
  readonly #bench: Workbench;
  readonly #cwd: string;
  readonly #repetitions: number;

  constructor(bench: Workbench, cwd: string, repetitions: number) {
    this.#bench = bench;
    this.#cwd = cwd;
    this.#repetitions = repetitions;
  }

  async setup(line: string, cwd = this.#cwd): Promise<void> {
    await this.#measure(line, cwd);
  }

  async wall(what: string, line: string): Promise<Floor> {
    const runs = await this.#repeat(line, () => {});
    return { what, by: 'wall', seconds: median(runs.map(run => run.wallSeconds)) };
  }

  async cores(what: string, line: string, afterwards: () => void = () => {}): Promise<Floor> {
    const runs = await this.#repeat(line, afterwards);
    return { what, by: 'cores', seconds: median(runs.map(run => run.cpuSeconds)) / availableParallelism() };
  }

  /** Runs a line once as a warm-up, then for each repetition. */
  async #repeat(line: string, afterwards: () => void): Promise<Measured[]> {
    const runs: Measured[] = [];
    for (let repetition = 0; repetition <= this.#repetitions; repetition++) {
      await this.#bench.gateway.untilIdle();
      const run = await this.#measure(line, this.#cwd);
      afterwards();
      if (repetition > 0) runs.push(run);
    }
    return runs;
  }

  #measure(line: string, cwd: string): Promise<Measured> {
    const env = { PATH: process.env.PATH ?? '/usr/bin:/bin' };
    const args: [string, ...string[]] = ['bash', '-c', `set -o pipefail; ${line}`];
    return measure({ args, cwd, env }, { prefix: this.#bench.link.prefix, stop: this.#bench.stop });
  }
}
