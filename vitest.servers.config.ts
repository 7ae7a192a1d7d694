import { defineConfig } from 'vitest/config';

/** `npm run test:servers`: other servers, and fronts of the gateway. */
export default defineConfig({
  test: {
    include: ['test/**/*.servers.ts'],
    globalSetup: ['test/support/gateway/setup.ts'],
    maxWorkers: 1,
    pool: 'forks',
    testTimeout: 180_000,
    hookTimeout: 400_000,
  },
});
