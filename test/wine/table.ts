import { VERSION } from '../../src/version.ts';

/** The used part of vitest's JSON report. */
interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
      readonly meta?: { readonly skipReason?: string };
    }[];
  }[];
}

interface Row {
  readonly title: string;
  /** Results by the name of the store. */
  readonly results: Record<string, string>;
}

const stores = ['directory store', 'gateway'];

/** Returns a row for each test of the action, in the order in which they ran. */
export function collectRows(reports: readonly Report[]): Row[] {
  const rows = new Map<string, Row>();
  const tests = reports
    .flatMap(({ testResults }) => testResults)
    .flatMap(({ assertionResults }) => assertionResults);
  for (const { ancestorTitles, title, status, meta } of tests) {
    // The unit and local tests have no store
    const [store] = ancestorTitles.slice(0, 1).filter(name => stores.includes(name));
    if (store === undefined) continue;
    const row = rows.get(title) ?? { title, results: {} };
    row.results[store] = resultOf(status, meta?.skipReason);
    rows.set(title, row);
  }
  return [...rows.values()];
}

function resultOf(status: string, skipReason: string | undefined): string {
  if (status === 'passed') return 'ok';
  return status === 'failed' ? 'FAILED' : `not run: ${skipReason ?? 'skipped'}`;
}

/** Returns the page docs/results/windows.md. `counts` are those of its rows, in a sentence. */
export function windowsPage(rows: readonly Row[], counts: string): string {
  const cells = rows.map(({ title, results }) =>
    [title.replace(/[\\|]/g, '\\$&'), ...stores.map(name => results[name] ?? '-')].join(' | '),
  );
  return [
    '# Results on Windows',
    '',
    'Written by `npm run test:wine -- --markdown docs/results/windows.md`: Node for Windows in Wine 10, which is not Windows.',
    '[CONTRIBUTING.md](../../CONTRIBUTING.md#windows) lists the faults of Wine itself.',
    '',
    `cache-s3 ${VERSION}, the built action, one run: ${counts}.`,
    '',
    `| case | ${stores.join(' | ')} |`,
    `|---|${stores.map(() => '---|').join('')}`,
    ...cells.map(line => `| ${line} |`),
    '',
  ].join('\n');
}
