import path from 'node:path';
import { defineConfig } from 'vitest/config';

if (Number.parseInt(process.versions.node, 10) !== 24) {
  throw new Error(
    `cache-s3 runs on Node 24 and is tested on it; this is Node ${process.versions.node}: use npm test`,
  );
}

const builtSources = 'test/support/built-sources';
const buildSources = `${builtSources}/setup.ts`;
const globalSetup = ['test/support/gateway/setup.ts', buildSources];

export default defineConfig({
  resolve: {
    alias: [
      {
        find: /^.*\/thread-program\.ts$/,
        replacement: path.resolve(builtSources, 'built-file.ts'),
      },
    ],
  },
  test: {
    // Each waits a part of its time, for a process, the gateway or a time limit: two cores are 87 % busy
    maxWorkers: 4,
    pool: 'forks',
    restoreMocks: true,
    setupFiles: ['test/support/skip-without-symlinks.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // a process for all files of a worker: loading the sources for each anew takes twice as long as the tests
          isolate: false,
          unstubEnvs: true,
          unstubGlobals: true,
        },
      },
      {
        extends: true,
        test: {
          name: 'local',
          include: ['test/**/*.local.ts'],
          globalSetup: [buildSources],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/**/*.itg.ts'],
          globalSetup,
          runner: 'test/support/gateway/test-runner.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.ts'],
          globalSetup,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
