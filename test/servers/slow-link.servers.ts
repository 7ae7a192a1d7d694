import { randomBytes } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { useLab } from '../e2e/support/lab.ts';
import { gateway } from '../support/gateway/shared-gateway.ts';
import { startNginx } from '../support/servers/nginx.ts';
import { startSlowLink } from '../support/servers/slow-link.ts';
import { MiB } from '../support/sizes.ts';
import { buildTree } from '../support/tree.ts';
import { withNginx } from './proxies.ts';

/**
 * nginx takes a body at once and passes it on over a slow link: the silence after it is the link's. The bytes of all parts in
 * flight share the link.
 */

describe('the action behind nginx before a link of 450 kB/s', withNginx, () => {
  const lab = useLab();

  test.each([12 * MiB, 20 * MiB, 40 * MiB])(
    'saves a cache of %i bytes',
    { timeout: 400_000 },
    async sizeBytes => {
      const link = await startSlowLink(new URL(gateway().endpoint).host, 450_000);
      const nginx = await startNginx(new URL(link.endpoint).host, 'client_max_body_size 0;');
      onTestFinished(async () => {
        await nginx[Symbol.asyncDispose]();
        await link.close();
      });
      const inputs = { endpoint: nginx.endpoint };
      const main = await lab.runAction({ entry: 'main', inputs });
      await buildTree(lab.machine.workspace, { 'deps/file': randomBytes(sizeBytes) });
      const post = await lab.runAction({ entry: 'post', inputs, state: main.state });
      expect(post.stdout).toContain('result=saved');
      const { workspace } = await lab.newMachine();
      const restored = await lab.runAction({ entry: 'main', workspace, inputs });
      expect(restored.outputs['cache-hit']).toBe('true');
    },
  );
});
