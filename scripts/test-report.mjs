// Reads vitest's JSON reports: counts, and the skipped tests with their reasons.

/**
 * Returns the numbers of passed, failed and skipped tests of a report with vitest's `exit` code. A file that cannot be
 * loaded and an error outside tests count as a failure.
 */
export function countTests({ testResults, exit }) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { status, assertionResults } of testResults) {
    const failed = assertionResults.filter(test => test.status === 'failed').length;
    const passed = assertionResults.filter(test => test.status === 'passed').length;
    counts.passed += passed;
    counts.failed += failed || (status === 'failed' ? 1 : 0);
    counts.skipped += assertionResults.length - failed - passed;
  }
  if (exit !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

export function sum(all) {
  const add = name => all.reduce((total, counts) => total + counts[name], 0);
  return { passed: add('passed'), failed: add('failed'), skipped: add('skipped') };
}

/** Prints the skipped tests by the reason that they state. */
export function listSkipped(reports) {
  const byReason = new Map();
  for (const { name, assertionResults } of reports.flatMap(({ testResults }) => testResults)) {
    const file = name.replaceAll('\\', '/').replace(/^.*?\/(?=(?:test|bench)\/)/, '');
    for (const { status, fullName, meta } of assertionResults) {
      if (status === 'passed' || status === 'failed') continue;
      const reason = meta?.skipReason ?? 'not for this system, this user or these tools';
      byReason.set(reason, [...(byReason.get(reason) ?? []), `${file} > ${fullName}`]);
    }
  }
  for (const [reason, tests] of [...byReason].sort(([a], [b]) => (a < b ? -1 : 1))) {
    console.log(`\nskipped (${reason}):`);
    for (const test of tests) console.log(`  ${test}`);
  }
  console.log('');
}
