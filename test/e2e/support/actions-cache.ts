import { closedEndpoint } from '../../support/servers/listen.ts';
import { buildTree } from '../../support/tree.ts';
import type { Lab, LabOptions } from './lab.ts';

/** Returns functions that run steps of actions/cache 5 with these inputs (YAML), on a machine with `deps/a`, a new one by default. */
export function cacheSteps(lab: Lab, kind?: 'plain') {
  const run =
    (action: string) =>
    async (inputs: string, options: LabOptions = {}) => {
      const machine = options.machine ?? (await lab.newMachine(kind));
      await buildTree(machine.workspace, { 'deps/a': 'content of a' });
      return lab.steps(`- { id: cache, uses: ${action}, with: { ${inputs} } }`, { machine, ...options });
    };
  return {
    cache: run('actions/cache@v5'),
    restore: run('actions/cache/restore@v5'),
    save: run('actions/cache/save@v5'),
  };
}

/** Returns variables of a bucket that is down. One attempt, as these tests are not about retries. */
export async function outage(): Promise<Record<string, string>> {
  return { CACHE_S3_ENDPOINT: await closedEndpoint(), CACHE_S3_RETRY: 'false' };
}
