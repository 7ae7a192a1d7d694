import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { documents, read, root } from './documents.ts';

/** Returns GitHub's anchor of a heading. */
function anchor(heading: string): string {
  const kept = heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '');
  return kept.replaceAll(' ', '-');
}

/** The links to files and headings of this repository, each with its document. */
const links = documents.flatMap(file =>
  [...read(file).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(
    ([, target, fragment]) => [file, target || path.basename(file), fragment] as const,
  ),
);

test.each(links)('%s links to %s, heading %s, which exist', (file, target, fragment) => {
  const absolute = path.join(root, path.dirname(file), target);
  expect(existsSync(absolute)).toBe(true);
  if (fragment === undefined) return;
  const headings = [...read(path.relative(root, absolute)).matchAll(/^#+ (.*)$/gm)];
  expect(headings.map(match => anchor(match[1]!))).toContain(fragment);
});
