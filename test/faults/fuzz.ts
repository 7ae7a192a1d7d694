/**
 * `npm run fuzz`: restores mutants of archives in a child process with little memory, so that a hang or a crash is a finding
 * too. Ends with 1 if there is a finding. Each names its seed: `--cases 1 --seed N` repeats it.
 */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FuzzBench } from '../archive/fuzz/fuzz-case.ts';
import { readCommandLine } from '../support/command-line.ts';

const USAGE = `npm run fuzz -- [OPTIONS]
  --cases N   number of mutants (10000)
  --seed N    seed of the first one (1)`;

/** `child` runs the cases in this process. */
const {
  cases,
  seed: first,
  child: isChild,
} = readCommandLine(USAGE, { cases: 10_000, seed: 1, child: false });

/** A case takes a few ms, a bomb some seconds. Without output for this long, it hangs. */
const HANG_MS = 20_000;
/** In MiB. A larger archive has to be a miss, not the end of the process. */
const HEAP_MIB = 512;

/** Prints the number of each case before it starts, and the violations. */
async function runCases(first: number, end: number): Promise<void> {
  const bench = await FuzzBench.open();
  let accepted = 0;
  try {
    for (let seed = first; seed < end; seed++) {
      process.stdout.write(`case ${seed}\n`);
      const report = await bench.run(seed);
      if (report.accepted) accepted++;
      if (report.violation) process.stdout.write(`violation ${JSON.stringify(report.violation)}\n`);
    }
  } finally {
    bench.close();
  }
  process.stdout.write(`accepted ${accepted}\n`);
}

interface ChildReport {
  readonly lastCase: number;
  readonly accepted: number;
  readonly violations: readonly string[];
  /** The reason if the process did not end with 0. */
  readonly death: string | undefined;
}

function watch(first: number, cases: number): Promise<ChildReport> {
  const child = spawn(
    process.execPath,
    [
      `--max-old-space-size=${HEAP_MIB}`,
      fileURLToPath(import.meta.url),
      '--child',
      '--seed',
      `${first}`,
      '--cases',
      `${cases}`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let lastCase = first;
  let accepted = 0;
  let hung = false;
  const violations: string[] = [];
  const timer = setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, HANG_MS);
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    timer.refresh();
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const [word, value] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)];
      if (word === 'case') lastCase = Number(value);
      else if (word === 'accepted') accepted = Number(value);
      else if (word === 'violation') violations.push(JSON.parse(value));
    }
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const death = hung ? 'it hung' : code === 0 ? undefined : `the process ended with ${code ?? signal}`;
      resolve({ lastCase, accepted, violations, death });
    });
  });
}

if (isChild) {
  await runCases(first, first + cases);
} else {
  let accepted = 0;
  let found = 0;
  for (let next = first; next < first + cases; ) {
    const report = await watch(next, first + cases - next);
    accepted += report.accepted;
    const findings = [
      ...report.violations,
      ...(report.death ? [`seed ${report.lastCase}: ${report.death}`] : []),
    ];
    found += findings.length;
    for (const finding of findings) console.log(`! ${finding}`);
    next = report.lastCase + 1;
  }
  console.log(
    `${cases} mutants from seed ${first}: ${accepted} taken, ${cases - accepted} refused, ${found} findings`,
  );
  process.exitCode = found > 0 ? 1 : 0;
}
