import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { documents, filesBelow, projectRoot, read } from './documents.ts';

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
  const absolute = path.join(projectRoot, path.dirname(file), target);
  expect(existsSync(absolute)).toBe(true);
  if (fragment === undefined) return;
  const headings = [...read(path.relative(projectRoot, absolute)).matchAll(/^#+ (.*)$/gm)];
  expect(headings.map(match => anchor(match[1]!))).toContain(fragment);
});

/** The paths of this repository that documents name in backticks. */
const paths = documents.flatMap(file =>
  [...read(file).matchAll(/`((?:src|test|bench|scripts|docs)\/[^`\s*]*)`/g)].map(
    match => [file, match[1]!] as const,
  ),
);

test('documents name paths of the repository', () => {
  expect(paths.length).toBeGreaterThan(20);
});

test.each(paths)('%s names %s, which exists', (_file, name) => {
  expect(existsSync(path.join(projectRoot, name))).toBe(true);
});

test('CONTRIBUTING.md lists every folder of src/', () => {
  const listed = read('CONTRIBUTING.md').split('## Where things are\n')[1]?.split('\n## ')[0] ?? '';
  const folders = new Set(
    filesBelow('src', '.ts').flatMap(file => path.dirname(file).split(path.sep).slice(1)),
  );
  expect(folders.size).toBeGreaterThan(10);
  for (const folder of folders) expect(listed).toContain(`\`${folder}`);
});
