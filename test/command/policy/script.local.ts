import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PolicyArguments } from '../../../src/command/policy/policy.ts';
import { policyScript } from '../../../src/command/policy/script.ts';
import { POLICY_SERVERS } from '../../../src/command/policy/servers.ts';
import { posix, requires } from '../../support/platform-needs.ts';
import { scratch } from '../../support/scratch.ts';
import { optionsOf, scriptOf } from './given-options.ts';

test.each(POLICY_SERVERS)('the script of %s is a shell script', requires(posix), server => {
  execFileSync('bash', ['-n', '-c', scriptOf(server)]);
});

describe('the script of rgw, where the provider lacks the audience', requires(posix), () => {
  /** Runs the script with programs that print their calls: `aws` has one provider, and fails for a call. */
  function runScript(failing: string, given: Partial<PolicyArguments> = {}) {
    const tools = scratch();
    const programs = {
      'radosgw-admin': 'echo radosgw-admin >&2',
      curl: 'echo {}',
      jq: 'cat >/dev/null',
      aws: `case "$*" in *${failing}*) exit 254 ;; *ClientIDList*) echo 'one t*o' ;; *ThumbprintList*) echo none ;; *) echo "$4" >&2 ;; esac`,
    };
    for (const [name, command] of Object.entries(programs))
      writeFileSync(path.join(tools, name), `#!/bin/sh\n${command}\n`, { mode: 0o755 });
    const env = { PATH: `${tools}:${process.env.PATH}` };
    return spawnSync('sh', ['-c', policyScript(optionsOf(given))], { env, encoding: 'utf8' });
  }
  const thumbprint = ['a'.repeat(40)];

  test('ends with the command that creates the provider if it cannot be created again', () => {
    const { status, stderr } = runScript('create-open-id-connect-provider', { thumbprint });
    expect(status).toBe(1);
    expect(stderr).toBe(
      `delete-open-id-connect-provider
The provider of the tokens is deleted and could not be created again, so no run gets a role. Create it with: aws --endpoint-url https://rgw.example:8443 iam create-open-id-connect-provider --url https://token.actions.githubusercontent.com --thumbprint-list ${thumbprint[0]}  --client-id-list 'one' 't*o' 'sts.amazonaws.com'
`,
    );
  });

  test('ends before it makes anything if the provider cannot be deleted', () => {
    const { status, stderr } = runScript('delete-open-id-connect-provider', { thumbprint });
    expect(status).not.toBe(0);
    expect(stderr).toBe('');
  });

  test('leaves the provider if the key set of the issuer has no certificate', () => {
    const { status, stderr } = runScript('nothing');
    expect(status).toBe(1);
    expect(stderr).toBe(
      'No certificate of the issuer was found, so the provider is not changed. Use --thumbprint, or install curl, jq and openssl.\n',
    );
  });
});
