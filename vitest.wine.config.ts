import { defineConfig } from 'vitest/config';

/** `npm run test:wine`: the built action on Windows, and the caches that Linux and Windows share. */
export default defineConfig({
  test: {
    include: ['test/wine/**/*.wine.ts'],
    // The tests use the drives of one machine
    maxWorkers: 1,
    fileParallelism: false,
    pool: 'forks',
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
