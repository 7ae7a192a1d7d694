import { escapeHtml } from '../../action/runner/escape.ts';
import { countOf, formatAge, formatBytes, formatCount } from '../../report/units.ts';
import { columnPlot, rowPlot } from './plots.ts';
import { type Amount, barLabel, type Group, type StatsFacts, shortLabel, type Tally } from './tally.ts';

/**
 * Returns a page with plots. It contains its styles and plots, and its policy forbids scripts and requests. Keys, refs and
 * repositories are foreign text, which is escaped.
 */
export function htmlPage(tally: Tally, facts: StatsFacts): string {
  const { all, marked } = tally;
  const { place, prefix, madeMs, top } = facts;
  const tiles = [
    ['caches', formatCount(all.caches)],
    ['size', formatBytes(all.bytes)],
    ['repositories', tally.countGroups('repositories')],
    ['last use noted', `${Math.round((marked.caches / Math.max(1, all.caches)) * 100)} %`],
    ['markers without a cache', formatCount(tally.strayMarkers)],
    ['objects of other programs', formatCount(tally.foreignObjects)],
  ] as const;
  const sizeOf = ({ caches, bytes }: Amount) => `${formatBytes(bytes)}, ${countOf(caches, 'cache')}`;
  const bySize = (groups: readonly Group[]) =>
    groups.map(group => {
      const { name, bytes, lastUseMs } = group;
      const used =
        lastUseMs === undefined ? 'last use not known' : `last used ${formatAge(madeMs - lastUseMs)} ago`;
      return { label: name, bytes, title: `${name}: ${sizeOf(group)}, ${used}` };
    });
  const histogram = (bars: Tally['ages']) =>
    bars.map(bar => {
      return { label: shortLabel(bar), bytes: bar.bytes, title: `${barLabel(bar)}: ${sizeOf(bar)}` };
    });
  const unused = tally.unused.map(({ days, caches, bytes }) => {
    const title = `prune --unused ${days}d deletes ${countOf(caches, 'cache')}, ${formatBytes(bytes)}`;
    return { label: `${days} d`, bytes, title };
  });
  const plots = [
    ['Size by last use', columnPlot(histogram(tally.lastUses))],
    ['Size by age', columnPlot(histogram(tally.ages))],
    ['Freed by prune --unused', columnPlot(unused)],
    ['Repositories', rowPlot(bySize(tally.largest('repositories', top)))],
    ['Scopes', rowPlot(bySize(tally.largest('scopes', top)))],
    ['Key prefixes', rowPlot(bySize(tally.largest('keyPrefixes', top)))],
  ] as const;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Caches in ${escapeHtml(place)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Caches in ${escapeHtml(place)}</h1>
<p>below ${escapeHtml(prefix)}/, ${new Date(madeMs).toISOString()}</p>
</header>
<ul class="tiles">
${tiles.map(([name, value]) => `<li><strong>${escapeHtml(value)}</strong><span>${name}</span></li>`).join('\n')}
</ul>
<main>
${plots.map(([title, plot]) => `<section>\n<h2>${title}</h2>\n${plot}\n</section>`).join('\n')}
</main>
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1f2328, #e6edf3); --faint: light-dark(#59636e, #9198a1);
  --paper: light-dark(#ffffff, #0d1117); --card: light-dark(#f6f8fa, #151b23); --line: light-dark(#d1d9e0, #3d444d);
  --bar: light-dark(#0969da, #4493f8); }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.4rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 0 0 .75rem; }
header p { margin: 0; color: var(--faint); }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; list-style: none; margin: 1.25rem 0; padding: 0; }
.tiles li, section { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.tiles li { padding: .6rem 1rem; min-width: 7rem; }
.tiles strong { display: block; font-size: 1.25rem; }
.tiles span { color: var(--faint); font-size: .85rem; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: .75rem; }
section { padding: 1rem; min-width: 0; }
svg { display: block; overflow: visible; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); }
svg .faint { fill: var(--faint); }
svg line { stroke: var(--line); }
svg rect { fill: var(--bar); }
svg g:hover rect { opacity: .7; }
@media (max-width: 30rem) { main { grid-template-columns: 1fr; } }
`;
