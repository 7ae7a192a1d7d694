import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { repositoryFile } from '../../support/checkout.ts';
import { gateway } from '../../support/gateway/shared-gateway.ts';
import type { WorkflowResult } from '../../support/runner/model.ts';
import { asUser, type Lab, type LabOptions } from './lab.ts';

interface RecipeOptions extends LabOptions {
  /** Shell scripts that replace the tools of the recipe, by name. They come first in PATH. */
  readonly tools: Readonly<Record<string, string>>;
  /** Another endpoint than the gateway's. */
  readonly endpoint?: string;
}

/**
 * Runs docs/recipes/<name>.yml unchanged, as an ordinary user, with the variables and secrets that its head names. Only the
 * tools beside the cache are replaced.
 */
export async function runRecipe(lab: Lab, name: string, options: RecipeOptions): Promise<WorkflowResult> {
  const { tools, endpoint = gateway().endpoint, env, vars, ...rest } = options;
  const { bucket, accessKey, secretKey } = lab.bucket.access;
  return lab.run({
    file: repositoryFile(`docs/recipes/${name}.yml`),
    ...asUser,
    vars: {
      CACHE_ENDPOINT: endpoint,
      CACHE_HOST: new URL(endpoint).host,
      CACHE_INSECURE: 'true',
      CACHE_BUCKET: bucket,
      ...vars,
    },
    secrets: { CACHE_ACCESS_KEY: accessKey, CACHE_SECRET_KEY: secretKey },
    actions: {
      'actions/checkout': repositoryFile('test/e2e/support/actions/checkout'),
      'your-org/ci': repositoryFile('docs/recipes'),
    },
    env: {
      CACHE_S3_PREFIX: lab.prefix,
      PATH: `${await install(lab, tools)}${path.delimiter}${process.env.PATH}`,
      ...env,
    },
    ...rest,
  });
}

let installed = 0;

async function install(lab: Lab, tools: RecipeOptions['tools']): Promise<string> {
  installed += 1;
  const bin = path.join(lab.root, `bin-${installed}`);
  await mkdir(bin);
  for (const [name, script] of Object.entries(tools))
    await writeFile(path.join(bin, name), `#!/bin/sh\nset -e\n${script}`, { mode: 0o755 });
  return bin;
}
