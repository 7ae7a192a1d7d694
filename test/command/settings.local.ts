import { expect, test } from 'vitest';
import {
  CLAIMS,
  ROLE,
  SECRET,
  SESSION,
  tokenOf,
  useRoleServers,
} from '../storage/s3/credentials/role-servers.ts';
import { runCommand } from './run-command.ts';

const servers = useRoleServers();

test.each(['list', 'doctor'])(
  '%s in a job prints no secret of its role, not even to mask it',
  async subcommand => {
    const { exitCode, stdout, stderr } = await runCommand([subcommand, '--verbose', '--retry-count', '0'], {
      GITHUB_ACTIONS: 'true',
      ...servers.tokens.environment,
      CACHE_S3_ENDPOINT: servers.gateway.endpoint,
      CACHE_S3_STS_ENDPOINT: servers.gateway.endpoint,
      CACHE_S3_BUCKET: 'b',
      CACHE_S3_ROLE_TO_ASSUME: ROLE,
    });
    expect(exitCode).toBe(1);
    expect(servers.exchanges.length).toBeGreaterThan(0);
    expect(servers.calls[0]?.headers['x-amz-security-token']).toBe(SESSION);
    expect(stderr).toContain('ListObjectsV2');
    for (const secret of [SECRET, SESSION, tokenOf(CLAIMS)]) expect(stdout + stderr).not.toContain(secret);
  },
);
