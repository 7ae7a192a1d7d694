/** The test runner of the *.itg.ts files: without a gateway it collects their tests, and skips all of them. */

import { TestRunner } from 'vitest';
import { sharedGateway } from './shared-gateway.ts';

type Config = ConstructorParameters<typeof TestRunner>[0];

export default class GatewayTestRunner extends TestRunner {
  constructor(config: Config) {
    const shared = sharedGateway();
    const skipAll = shared !== undefined && 'unavailable' in shared;
    // a pattern that matches nothing: skipped tests are counted and listed, and no hook of theirs runs
    super(skipAll ? { ...config, testNamePattern: /(?!)/ } : config);
  }
}
