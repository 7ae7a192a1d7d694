import { type Chain, restoreShare, sizeShare } from './chain.ts';
import { type GoCache, goReusedShare } from './go-cache.ts';
import { type Resave, wallShare } from './resave.ts';
import { type WarmRestore, warmShare } from './warm.ts';

/** Promises of the incremental save and the warm restore. */

interface Target {
  readonly what: string;
  readonly measured: number;
  readonly most: number;
  readonly unit: string;
}

interface Figures {
  readonly files: number;
  readonly resaves: readonly Resave[];
  readonly warm: readonly WarmRestore[];
  readonly goCache: GoCache | undefined;
  readonly chain: Chain | undefined;
}

/** Returns a line for each measured promise: `held` or `MISSED`. */
export function targetLines(figures: Figures): string[] {
  return targets(figures).map(({ what, measured, most, unit }) => {
    const verdict = measured <= most ? 'held' : 'MISSED';
    return `- ${what}: ${format(measured, unit)} (target: at most ${format(most, unit)}): ${verdict}`;
  });
}

function format(value: number, unit: string): string {
  if (unit === '%') return `${(value * 100).toFixed(1)} %`;
  return unit === 'MB' ? `${(value / 1e6).toFixed(2)} MB` : value.toFixed(2);
}

function targets({ files, resaves, warm, goCache, chain }: Figures): Target[] {
  const found: Target[] = [];
  const add = (what: string, measured: number, most: number, unit = '') =>
    found.push({ what, measured, most, unit });

  const five = resaves.find(
    ({ edit }) => edit.share === 0.05 && edit.kind === 'changed' && edit.spread === 'scattered',
  );
  if (five) {
    const what = `${files} small files, 5 % of them changed, scattered at random`;
    add(`${what}: bytes uploaded, of a full save's`, five.traffic.sent / five.fullTraffic.sent, 0.1, '%');
    add(`${what}: wall time, of a full save's`, wallShare(five), 0.5);
  }
  const touched = resaves.find(({ edit }) => edit.touchesAll);
  if (touched) {
    const what = `${files} small files, all touched and 1 % changed`;
    add(
      `${what}: bytes uploaded, of a full save's`,
      touched.traffic.sent / touched.fullTraffic.sent,
      0.03,
      '%',
    );
    add(`${what}: wall time, of a full save's`, wallShare(touched), 0.6);
  }
  if (goCache) {
    add("Go's build cache, entries two hours old: bytes not reused", 1 - goReusedShare(goCache), 0.1, '%');
  }
  const none = resaves.find(({ edit }) => edit.share === 0);
  if (none) {
    add('nothing changed but the key: bytes uploaded', none.traffic.sent, 2e6, 'MB');
    add('nothing changed but the key: wall time, of a full save’s', wallShare(none), 0.45);
  }
  if (chain) {
    const what = `${chain.links.length} generations at 3 %, the worst of them`;
    add(`${what}: the object, of a full save's size`, sizeShare(chain), 1.35);
    add(`${what}: restore, of a full save's restore`, restoreShare(chain), 1.15);
  }
  const untouched = warm.find(({ edit }) => edit.share === 0);
  if (untouched) {
    add('warm restore of an untouched tree: bytes received', untouched.traffic.received, 2e6, 'MB');
    add('warm restore of an untouched tree: wall time, of a cold restore’s', warmShare(untouched), 0.3);
  }
  return found;
}
