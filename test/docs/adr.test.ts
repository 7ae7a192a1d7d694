import path from 'node:path';
import { expect, test } from 'vitest';
import { filesBelow, read } from './documents.ts';

const decisions = filesBelow('docs/adr', '.md').filter(file => !file.endsWith('README.md'));

test.each(decisions)('%s has a context, a decision and its consequences, and is in the list', file => {
  const parts = [...read(file).matchAll(/^\*\*(Context|Decision|Consequences)\.\*\*/gm)].map(
    match => match[1],
  );
  expect(parts).toEqual(['Context', 'Decision', 'Consequences']);
  expect(read(file)).toMatch(new RegExp(`^# ${path.basename(file).slice(0, 4)} `));
  expect(read('docs/adr/README.md')).toContain(`](${path.basename(file)})`);
});
