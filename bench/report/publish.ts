import * as fs from 'node:fs/promises';
import path from 'node:path';

/** Writes a report to bench/results/NAME.md. */
export async function publish(name: string, report: string): Promise<void> {
  const results = path.join(import.meta.dirname, '../results');
  await fs.mkdir(results, { recursive: true });
  await fs.writeFile(path.join(results, `${name}.md`), report);
}
