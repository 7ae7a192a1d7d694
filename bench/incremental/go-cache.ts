import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { table } from '../report/table.ts';
import type { Sample } from '../run-once.ts';
import { deleteLargeTree } from '../workbench.ts';
import type { StepRunner } from './runs.ts';

/** A save of Go's build cache after a restore and a build. */
export interface GoCache {
  readonly version: string;
  readonly files: number;
  /** Files that the build touched or wrote. */
  readonly touched: number;
  readonly save: Sample;
}

const TWO_HOURS_MS = 2 * 3600 * 1000;

/**
 * Builds Go's standard library and a program into the build cache, two hours ago by the times of its entries, saves and restores it,
 * builds the changed program, and saves the cache again. Needs `go` on the PATH.
 */
export async function measureGoCache(runner: StepRunner): Promise<GoCache> {
  const project = path.join(runner.place.workspace, 'project');
  mkdirSync(project);
  writeFileSync(path.join(project, 'go.mod'), 'module example.org/bench\n\ngo 1.19\n');
  deleteLargeTree(runner.tree);
  writeProgram(project, 'one');
  const env = { ...process.env, GOCACHE: runner.tree, GOFLAGS: '-mod=mod', GOPROXY: 'off', CGO_ENABLED: '0' };
  const go = (...words: string[]) =>
    execFileSync('go', words, { cwd: project, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  go('build', 'std');
  go('build', '-o', '/dev/null', '.');
  const old = new Date(Date.now() - TWO_HOURS_MS);
  const files = filesIn(runner.tree);
  for (const { at } of files) utimesSync(at, old, old);
  await runner.run({ phase: 'save', key: 'go-base', result: 'saved' });
  deleteLargeTree(runner.tree);
  await runner.run({
    phase: 'restore',
    key: 'go-next',
    restoreKeys: ['go-base'],
    result: 'partial',
    savesLater: true,
  });
  const restored = Date.now();
  writeProgram(project, 'two');
  go('build', 'std');
  go('build', '-o', '/dev/null', '.');
  const touched = filesIn(runner.tree).filter(({ mtimeMs }) => mtimeMs > restored - TWO_HOURS_MS / 2).length;
  const save = await runner.run({ phase: 'save', key: 'go-next', result: 'saved', temp: 'kept' });
  await runner.keepOnly(['base']);
  deleteLargeTree(runner.tree);
  return { version: go('version').trim(), files: files.length, touched, save };
}

function writeProgram(project: string, word: string): void {
  const source = `package main

import (
\t"fmt"
\t"net/http"
)

func main() {
\tfmt.Println("${word}", http.StatusOK)
}
`;
  writeFileSync(path.join(project, 'main.go'), source);
}

function filesIn(root: string): { readonly at: string; readonly mtimeMs: number }[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => {
      const at = path.join(entry.parentPath, entry.name);
      return { at, mtimeMs: statSync(at).mtimeMs };
    });
}

/** Returns the share of the object's bytes that were copied, 0 to 1. */
export function goReusedShare({ save }: GoCache): number {
  return (save.report.reused ?? 0) / (save.report.bytes ?? Number.NaN);
}

export function goCacheTable(goCache: GoCache): string {
  const { version, files, touched, save } = goCache;
  return table(
    ['', 'files', 'touched or new', 'object MB', 'reused MB', 'reused', 'wall s'],
    [
      [
        version,
        String(files),
        String(touched),
        ((save.report.bytes ?? 0) / 1e6).toFixed(1),
        ((save.report.reused ?? 0) / 1e6).toFixed(1),
        `${(goReusedShare(goCache) * 100).toFixed(1)} %`,
        save.wallSeconds.toFixed(2),
      ],
    ],
  );
}
