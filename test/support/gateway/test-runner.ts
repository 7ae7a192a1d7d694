/** The test runner of the *.itg.ts files. Without a gateway it collects and skips their tests. */

import { TestRunner } from 'vitest';
import { sharedGateway } from './shared-gateway.ts';

type Config = ConstructorParameters<typeof TestRunner>[0];

export default class GatewayTestRunner extends TestRunner {
  constructor(config: Config) {
    const shared = sharedGateway();
    const skipAll = shared !== undefined && 'unavailable' in shared;
    // With a pattern that matches nothing, tests are listed as skipped and their hooks do not run
    super(skipAll ? { ...config, testNamePattern: /(?!)/ } : config);
  }
}
