import { type PolicyArguments, parsePolicyOptions } from '../../../src/command/policy/policy.ts';
import { ROLE_KINDS } from '../../../src/command/policy/roles.ts';
import { policyScript } from '../../../src/command/policy/script.ts';
import type { PolicyOptions } from '../../../src/command/policy/servers.ts';

export const ENV = { CACHE_S3_BUCKET: 'ci-cache', CACHE_S3_ENDPOINT: 'https://rgw.example:8443' };

/** The options of a repository that needs no other ones. */
export const GIVEN: PolicyArguments = {
  server: 'rgw',
  repository: 'your-org/your-repo',
  repositoryId: '123456789',
  roles: ['read', 'main'],
  defaultBranch: 'main',
  issuer: 'https://token.actions.githubusercontent.com',
};

/** The options that AWS needs besides. */
export const AWS = { server: 'aws', account: '123456789012' } as const;

/** Returns the checked options, of which some differ from `GIVEN`. */
export function optionsOf(
  given: Partial<PolicyArguments> = {},
  env: Record<string, string> = ENV,
): PolicyOptions {
  return parsePolicyOptions(env, { ...GIVEN, ...given });
}

/** Returns the script of a server for all roles. */
export function scriptOf(server: PolicyArguments['server']): string {
  return policyScript(optionsOf({ server, roles: ROLE_KINDS, ...(server === 'aws' ? AWS : {}) }));
}
