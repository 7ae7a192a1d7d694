// bucket-size.mjs [FILE] - simulates a year of a fleet's bucket under four policies, and draws its size into
// docs/bucket-size.svg (or FILE). The same each time. What it assumes:
//
// - 30 repositories. On each working day a repository opens a pull request with a probability of 0.6; it is closed after 1
//   to 8 days. 15 % of the branches are never used again after their first day, and stay open.
// - The default branch runs twice on a working day, an open pull request once. Nothing runs at the weekend, nor in the
//   last week of the year.
// - A run restores and saves two caches with `scope: ref`. `deps` (0.3 GB) changes with the lock file: every 8 days on the
//   default branch, and in one of ten pull requests. `build` (0.5 GB) has the commit in its key, and starts from the newest
//   of the own ref, else of the default branch. Every eighth repository is run only once a month, on its default branch.
// - Deletions happen at the end of each day.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastUseMs } from '../src/cache/inventory.ts';
import { planPrune } from '../src/cache/prune/plan.ts';
import { USE_INTERVAL_MS } from '../src/storage/archives/note-use.ts';
import { SeededRandom } from '../test/support/random.ts';

const DAY = 24 * 60 * 60 * 1000;
const DAYS = 365;
const REPOSITORIES = 30;
const GB = 1e9;
const MAIN = 'refs/heads/main';

const POLICIES = [
  { name: 'nothing is deleted', color: '#999999', rules: undefined, closes: false },
  {
    name: 'lifecycle rule: expiry after 14 days',
    color: '#d1495b',
    rules: { maxAgeMs: 14 * DAY },
    closes: false,
  },
  { name: 'prune --unused 7d', color: '#2e6fb7', rules: { unusedMs: 7 * DAY }, closes: false },
  {
    name: 'the same, and when a pull request is closed',
    color: '#2a9d6f',
    rules: { unusedMs: 7 * DAY },
    closes: true,
  },
];

/** The caches of the fleet under one policy. */
class Bucket {
  /** Caches by scope, by repository. Those of one scope are in the order of their saves. */
  scopes = new Map();
  /** Runs that found no cache of an unchanged lock file, because it had been deleted. */
  lostHits = 0;
  saves = 0;

  constructor({ rules, closes }) {
    this.rules = rules;
    this.closes = closes;
  }

  cachesOf(repository, ref) {
    return this.scopes.get(`${repository} ${ref}`) ?? [];
  }

  find(repository, ref, matches) {
    for (const scope of ref === MAIN ? [ref] : [ref, MAIN]) {
      const found = this.cachesOf(repository, scope).findLast(matches);
      if (found) return found;
    }
    return undefined;
  }

  save(repository, ref, key, version, sizeBytes, nowMs) {
    const place = `${repository} ${ref}`;
    const object = { name: `${place} ${key}`, sizeBytes, etag: '', modifiedMs: nowMs };
    if (!this.scopes.has(place)) this.scopes.set(place, []);
    this.scopes
      .get(place)
      .push({ kind: 'cache', repository, scope: ref, key, version, object, marker: undefined });
    this.saves++;
  }

  run({ repository, ref, lock, known, commit, nowMs }) {
    const deps = this.find(repository, ref, ({ key }) => key === `deps-${lock}`);
    if (deps) use(deps, nowMs);
    else {
      if (known) this.lostHits++;
      this.save(repository, ref, `deps-${lock}`, 'deps', 0.3 * GB, nowMs);
    }
    const build = this.find(repository, ref, ({ version }) => version === 'build');
    if (build) use(build, nowMs);
    this.save(repository, ref, `build-${commit}`, 'build', 0.5 * GB, nowMs);
  }

  endDay(closed, nowMs) {
    if (this.closes) for (const place of closed) this.scopes.delete(place);
    if (!this.rules) return;
    const { deletions } = planPrune([...this.scopes.values()].flat(), this.rules, nowMs);
    const deleted = new Set(deletions.map(({ entry }) => entry));
    for (const [place, caches] of this.scopes) {
      const left = caches.filter(entry => !deleted.has(entry));
      if (left.length === 0) this.scopes.delete(place);
      else if (left.length < caches.length) this.scopes.set(place, left);
    }
  }

  get bytes() {
    return [...this.scopes.values()].flat().reduce((sum, { object }) => sum + object.sizeBytes, 0);
  }
}

/** Notes a use, as a restore does: not within a day of the save or the last note. */
function use(cache, nowMs) {
  if (nowMs - lastUseMs(cache) < USE_INTERVAL_MS) return;
  cache.marker = { name: '', sizeBytes: 0, etag: '', modifiedMs: nowMs };
}

/** Returns the policies with the sizes of each day in GB, and the counts of the year. */
export function simulate() {
  const random = new SeededRandom(2026);
  const results = POLICIES.map(policy => ({ ...policy, bucket: new Bucket(policy), sizes: [] }));
  const repositories = Array.from({ length: REPOSITORIES }, (_, index) => ({
    name: `org/repo-${index}`,
    isIdle: index % 8 === 7,
    lock: 0,
    pulls: [],
    /** Lock files that have been saved by the ref that a run may read. */
    known: new Set(),
  }));
  let commits = 0;
  let pulls = 0;
  for (let day = 0; day < DAYS; day++) {
    const startMs = day * DAY;
    const isWorkingDay = day % 7 < 5 && day < DAYS - 8;
    const closed = [];
    for (const repository of repositories) {
      const { name, known } = repository;
      const run = (ref, lock, hour) => {
        const readable = [ref, MAIN].some(one => known.has(`${one} ${lock}`));
        if (!readable) known.add(`${ref} ${lock}`);
        const at = {
          repository: name,
          ref,
          lock,
          known: readable,
          commit: ++commits,
          nowMs: startMs + hour * 3_600_000,
        };
        for (const { bucket } of results) bucket.run(at);
      };
      if (repository.isIdle) {
        if (day % 28 === 0) run(MAIN, repository.lock, 9);
        continue;
      }
      if (!isWorkingDay) continue;
      if (random.once(8)) repository.lock++;
      run(MAIN, repository.lock, 9);
      run(MAIN, repository.lock, 16);
      if (random.below(10) < 6) {
        pulls++;
        const ref = `refs/pull/${pulls}/merge`;
        const lock = random.once(10) ? `${repository.lock}-${pulls}` : repository.lock;
        if (random.below(100) < 15) run(ref, lock, 11);
        else repository.pulls.push({ ref, lock, until: day + 1 + random.below(8) });
      }
      for (const pull of repository.pulls) run(pull.ref, pull.lock, 12);
      for (const pull of repository.pulls) if (pull.until <= day) closed.push(`${name} ${pull.ref}`);
      repository.pulls = repository.pulls.filter(({ until }) => until > day);
    }
    for (const { bucket, sizes } of results) {
      bucket.endDay(closed, startMs + DAY);
      sizes.push(bucket.bytes / GB);
    }
  }
  return results.map(({ name, color, sizes, bucket }) => ({
    name,
    color,
    sizes,
    saves: bucket.saves,
    lostHits: bucket.lostHits,
  }));
}

const WIDTH = 800;
const HEIGHT = 400;
const LEFT = 72;
const RIGHT = 20;
const TOP = 110;
const BOTTOM = 40;
/** The bucket without deletions leaves the picture. */
const MAX_GB = 1600;

/** Returns the picture as SVG. */
export function draw(results) {
  const x = day => LEFT + (day / (DAYS - 1)) * (WIDTH - LEFT - RIGHT);
  const y = gb => HEIGHT - BOTTOM - (gb / MAX_GB) * (HEIGHT - TOP - BOTTOM);
  const line = sizes => {
    const shown = sizes.findIndex(gb => gb > MAX_GB);
    const points = sizes.slice(0, shown < 0 ? undefined : shown);
    return points.map((gb, day) => `${x(day).toFixed(1)},${y(gb).toFixed(1)}`).join(' ');
  };
  const text = (at, content, attributes = '') =>
    `<text x="${at[0]}" y="${at[1]}"${attributes}>${content}</text>`;
  const grid = [0, 400, 800, 1200, 1600].map(
    gb =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(gb)}" y2="${y(gb)}" stroke="#dddddd"/>${text([LEFT - 8, y(gb) + 4], `${gb} GB`, ' text-anchor="end"')}`,
  );
  const months = Array.from({ length: 12 }, (_, month) =>
    text(
      [x(month * 30.4 + 15).toFixed(1), HEIGHT - 16],
      month === 0 ? 'month 1' : `${month + 1}`,
      ' text-anchor="middle"',
    ),
  );
  const legend = results.map(({ name, color, sizes, lostHits }, index) => {
    const at = 22 + index * 20;
    const last = `${Math.round(sizes.at(-9))} GB at the end of the last working week`;
    return `<line x1="${LEFT}" x2="${LEFT + 24}" y1="${at - 4}" y2="${at - 4}" stroke="${color}" stroke-width="3"/>${text([LEFT + 32, at], `${name}: ${last}, ${lostHits} lost hits`)}`;
  });
  const lines = results.map(
    ({ color, sizes }) =>
      `<polyline points="${line(sizes)}" fill="none" stroke="${color}" stroke-width="2"/>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>Size of a fleet's bucket in a year, simulated</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    ...grid,
    ...months,
    ...legend,
    ...lines,
    '</svg>\n',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = simulate();
  const file = path.join(import.meta.dirname, '../docs/bucket-size.svg');
  writeFileSync(process.argv[2] ?? file, draw(results));
  for (const { name, sizes, saves, lostHits } of results) {
    console.log(
      `${name}: ${Math.round(sizes.at(-9))} GB, at most ${Math.round(Math.max(...sizes))} GB, ${saves} saves, ${lostHits} lost hits`,
    );
  }
}
