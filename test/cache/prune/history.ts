import { type CacheEntry, lastUseMs, readInventory } from '../../../src/cache/inventory.ts';
import { type CacheName, markerName, markersRoot } from '../../../src/cache/keys/cache-names.ts';
import { placesOf } from '../../../src/cache/keys/scope.ts';
import { type Deletion, type PruneRules, planPrune } from '../../../src/cache/prune/plan.ts';
import { pruneCaches } from '../../../src/cache/prune/prune-caches.ts';
import { noteUse } from '../../../src/storage/archives/note-use.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { collect } from '../../support/collect.ts';
import { SeededRandom } from '../../support/random.ts';
import { SimulatedBucket, type Step } from './simulated-bucket.ts';

/**
 * Runs random days of a fleet in a simulated bucket: saves, hits and prunes at once, one request at a time in a random
 * order, and prunes that are killed at a random request.
 */

const PREFIX = 'p';
const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const VERSIONS = ['a', 'b'].map(digit => digit.repeat(64));
const REPOSITORIES = ['octo/app', 'octo/lib'];
const REFS = ['refs/heads/main', 'refs/heads/topic', 'refs/pull/7/merge'];
const KEYS = ['linux-1', 'linux-2', 'linux-3', 'mac-1'];

/** Objects of others in the tree of the markers and of the caches, which no prune may touch. */
const FOREIGN = [
  `${PREFIX}/used/v1/~/notes`,
  `${PREFIX}/used/v1/~/octo/app/refs=2Fheads=2Fmain/linux-1/${VERSIONS[0]}.tar.zst`,
  `${PREFIX}/used/v1/octo/app/refs=2Fheads=2Fmain/linux-1/${VERSIONS[0]}.tar.zst`,
  `${PREFIX}/used/v1/octo/app/refs=2Fheads=2Fmain/linux-1/${VERSIONS[0]}.used`,
  // A marker has no bytes
  `${PREFIX}/used/v1/~/octo/app/refs=2Fheads=2Fmain/other/${VERSIONS[0]}.used`,
  `${PREFIX}/v1/octo/app/README`,
];

/** Counts of what a history has met, so that a run shows that it met everything. */
export interface HistoryFacts {
  hits: number;
  misses: number;
  missesInTransfer: number;
  notes: number;
  deletions: number;
  kills: number;
  changed: number;
  strayMarkers: number;
}

class Killed extends Error {}

/** Runs a history of `days` days. Throws an error with the seed for the first broken promise. */
export async function runPruneHistory(seed: number, days: number): Promise<HistoryFacts> {
  const history = new History(seed);
  try {
    for (let day = 0; day < days; day++) await history.day();
    return history.facts;
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  }
}

class History {
  readonly facts: HistoryFacts = {
    hits: 0,
    misses: 0,
    missesInTransfer: 0,
    notes: 0,
    deletions: 0,
    kills: 0,
    changed: 0,
    strayMarkers: 0,
  };
  readonly #random: SeededRandom;
  readonly #bucket = new SimulatedBucket();
  readonly #rules: PruneRules;
  readonly #scope: string | undefined;
  /** The times of the last saves and hits that the bucket knows of, by object. */
  readonly #uses = new Map<string, number>();
  #waiting: (() => void)[] = [];

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.#random = random;
    this.#rules = {
      unusedMs: random.pick([undefined, DAY, 3 * DAY, 7 * DAY]),
      maxAgeMs: random.pick([undefined, undefined, 10 * DAY]),
      maxSizeBytes: random.pick([undefined, 300, 1000]),
      perRepositoryBytes: random.pick([undefined, undefined, 200]),
      keepNewest: random.pick([undefined, undefined, 1, 2]),
    };
    this.#scope = random.once(4) ? random.pick(REFS) : undefined;
    for (const name of FOREIGN) this.#bucket.put(name, 7);
  }

  async day(): Promise<void> {
    for (let round = this.#random.below(3); round >= 0; round--) {
      await this.#atOnce([
        ...this.#many(4, () => this.#save()),
        ...this.#many(6, () => this.#hit()),
        ...this.#many(2, () =>
          this.#prune({ killAfter: this.#random.once(2) ? this.#random.below(80) : undefined }),
        ),
      ]);
      this.#bucket.nowMs += this.#random.below(12) * HOUR;
    }
    await this.#atOnce([() => this.#prune({ killAfter: undefined })]);
    await this.#checkPruned();
    this.#bucket.nowMs += this.#random.below(24) * HOUR;
  }

  #many(limit: number, task: () => Promise<void>): (() => Promise<void>)[] {
    return Array.from({ length: this.#random.below(limit + 1) }, () => task);
  }

  /** Runs tasks at once, with one request at a time: any of those that wait. */
  async #atOnce(tasks: readonly (() => Promise<void>)[]): Promise<void> {
    let open = tasks.length;
    let failure: unknown;
    for (const task of tasks) {
      task()
        .catch(error => {
          failure ??= error;
        })
        .finally(() => open--);
    }
    while (open > 0) {
      await new Promise(resolve => setImmediate(resolve));
      const [next] = this.#waiting.splice(this.#random.below(this.#waiting.length), 1);
      // Some requests are seconds apart, and the times in a HEAD are whole seconds
      this.#bucket.nowMs += this.#random.below(700);
      next?.();
    }
    if (failure) throw failure;
  }

  #turn(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  #client(step?: Step): ObjectStore {
    return this.#bucket.open(async (...args) => {
      await this.#turn();
      await step?.(...args);
    });
  }

  #anyName(): string {
    const ref = this.#random.pick(REFS);
    const run = { repository: this.#random.pick(REPOSITORIES), readRefs: [ref], writeRef: ref };
    const version = this.#random.pick(VERSIONS);
    return placesOf({ scope: 'ref', prefix: PREFIX, version, ...run }).write.objectName(
      this.#random.pick(KEYS),
    );
  }

  async #save(): Promise<void> {
    const name = this.#anyName();
    await this.#turn();
    // Keys are immutable, but for `overwrite`
    if (this.#bucket.objects.has(name) && !this.#random.once(8)) return;
    this.#bucket.put(name, 20 + this.#random.below(100));
    this.#uses.set(name, this.#bucket.nowMs);
  }

  /** Restores as a job does: finds the object, notes its use, and reads its ranges. */
  async #hit(): Promise<void> {
    const store = this.#client();
    const name = this.#anyName();
    const found = await store.getRange(name, { suffix: 10 });
    if (!found) {
      this.facts.misses++;
      return;
    }
    const beganMs = this.#bucket.nowMs;
    const use = noteUse(store, found, markerName(PREFIX, name));
    try {
      for (let ranges = this.#random.below(4); ranges > 0; ranges--) {
        if (await store.getRange(name, { start: 0, end: 1 }, { etag: found.etag })) continue;
        this.facts.missesInTransfer++;
        return;
      }
      await use.finish();
    } catch (error) {
      if ((error as Error).name !== 'ObjectReplacedError') throw error;
      this.facts.missesInTransfer++;
      return;
    } finally {
      use.abort();
    }
    this.facts.hits++;
    const noted = this.#lastUse(name);
    // The wait for the note has a limit in real time, so a note may be given up
    if (noted === undefined || noted < beganMs - DAY) return;
    this.facts.notes++;
    this.#uses.set(name, Math.max(beganMs, this.#uses.get(name) ?? 0));
  }

  #lastUse(name: string): number | undefined {
    const object = this.#bucket.info(name);
    const marker = this.#bucket.info(markerName(PREFIX, name)!);
    return object && Math.max(object.modifiedMs!, marker?.modifiedMs ?? 0);
  }

  async #prune({ killAfter = Number.POSITIVE_INFINITY }: { readonly killAfter: number | undefined }) {
    /** The state of each cache at the last look before its deletion. */
    const looks = new Map<
      string,
      { readonly lastUse: number; readonly trueUse: number; readonly nowMs: number }
    >();
    let left = killAfter;
    const store = this.#client(async (operation, name, at) => {
      if (left-- <= 0) throw new Killed();
      if (operation !== 'head' || at !== 'before') return;
      const isMarker = name.startsWith(markersRoot(PREFIX));
      const cache = isMarker ? [...this.#uses.keys()].find(key => markerName(PREFIX, key) === name) : name;
      const lastUse = cache === undefined ? undefined : this.#lastUse(cache);
      if (lastUse === undefined || !isMarker) return;
      looks.set(cache!, { lastUse, trueUse: this.#uses.get(cache!)!, nowMs: this.#bucket.nowMs });
    });
    const onDeletion = ({ entry, reason }: Deletion) => {
      this.facts.deletions++;
      const look = looks.get(entry.object.name);
      // The cache was deleted or replaced by another client since the look
      if (!look) return;
      const known = Math.floor(lastUseMs(entry)! / 1000);
      if (Math.floor(look.lastUse / 1000) > known) {
        throw new Error(
          `${entry.object.name} was deleted although its use was noted before the second check`,
        );
      }
      const { unusedMs = 0 } = this.#rules;
      if (reason === 'unused' && look.nowMs - look.trueUse < unusedMs - 1000) {
        throw new Error(`${entry.object.name} was deleted as unused although it was used within the limit`);
      }
    };
    try {
      const result = await pruneCaches({
        store,
        prefix: PREFIX,
        patterns: { scope: this.#scope },
        rules: this.#rules,
        dryRun: false,
        removesLeftovers: true,
        onDeletion,
      });
      this.facts.changed += result.changed;
      this.facts.strayMarkers += result.deletedMarkers;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      this.facts.kills++;
    }
  }

  #isSelected({ scope }: CacheName): boolean {
    return this.#scope === undefined || scope === this.#scope;
  }

  /** Checks the promises after a prune beside which no other client ran. */
  async #checkPruned(): Promise<void> {
    const items = await collect(
      readInventory(
        this.#bucket.open(async () => {}),
        { prefix: PREFIX },
      ),
    );
    const stray = items.find(item => item.kind === 'marker' && this.#isSelected(item.cache));
    if (stray) throw new Error(`the marker ${stray.object.name} is left without its cache`);
    for (const name of FOREIGN) {
      if (!this.#bucket.objects.has(name)) throw new Error(`${name} was deleted, which is no cache`);
    }
    const selected = items.filter(item => item.kind === 'cache').filter(item => this.#isSelected(item));
    const { deletions } = planPrune(selected, this.#rules, this.#bucket.nowMs - 60_000);
    if (deletions[0]) {
      throw new Error(`${deletions[0].entry.object.name} is left, although of its ${deletions[0].reason}`);
    }
    if (this.#rules.keepNewest) return;
    const sizeOf = (caches: readonly CacheEntry[]) =>
      caches.reduce((sum, { object }) => sum + object.sizeBytes, 0);
    const { maxSizeBytes = Number.POSITIVE_INFINITY, perRepositoryBytes = Number.POSITIVE_INFINITY } =
      this.#rules;
    const sizes = [...Map.groupBy(selected, ({ repository }) => repository).values()].map(sizeOf);
    if (sizeOf(selected) > maxSizeBytes || sizes.some(size => size > perRepositoryBytes)) {
      throw new Error(`${sizes.join(' + ')} bytes are left, over the quota`);
    }
  }
}
