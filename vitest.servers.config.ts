import path from 'node:path';
import { defineConfig } from 'vitest/config';

/** `npm run test:servers`: other servers, and reverse proxies of the gateway. */
/** As in vitest.config.ts. */
const builtSources = 'test/support/built-sources';

export default defineConfig({
  resolve: {
    alias: [{ find: /^.*\/thread-program\.ts$/, replacement: path.resolve(builtSources, 'built-file.ts') }],
  },
  test: {
    include: ['test/**/*.servers.ts'],
    globalSetup: ['test/support/gateway/setup.ts', `${builtSources}/setup.ts`],
    maxWorkers: 1,
    pool: 'forks',
    testTimeout: 180_000,
    hookTimeout: 400_000,
  },
});
