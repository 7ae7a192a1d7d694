import { expect, test } from 'vitest';
import { policyScript } from '../../../src/command/policy/script.ts';
import { POLICY_SERVERS } from '../../../src/command/policy/servers.ts';
import { AWS, optionsOf, scriptOf } from './given-options.ts';

test.each(POLICY_SERVERS)('the script of %s has JSON that the shell passes on as it is', server => {
  const texts = [...scriptOf(server).matchAll(/(?:trust=|-doc=|-document |printf '%s\\n' )'([^']*)'/g)];
  expect(texts.length).toBeGreaterThan(0);
  for (const [, text] of texts) expect(() => JSON.parse(text!)).not.toThrow();
});

test.each([
  [['read', 'main'], 'arn:aws:iam:::role/cache-123456789-main'],
  [
    ['read', 'main', 'branches'],
    `\${{ github.ref == 'refs/heads/main' && 'arn:aws:iam:::role/cache-123456789-main' || 'arn:aws:iam:::role/cache-123456789-branches' }}`,
  ],
  [
    ['main', 'pulls'],
    `\${{ github.event_name == 'pull_request' && 'arn:aws:iam:::role/cache-123456789-pulls' || 'arn:aws:iam:::role/cache-123456789-main' }}`,
  ],
  [['pulls'], 'arn:aws:iam:::role/cache-123456789-pulls'],
] as const)('the script for the roles %j ends with the variables of the workflow', (roles, save) => {
  expect(policyScript(optionsOf({ roles }))).toContain(`CACHE_S3_ROLE_TO_ASSUME_FOR_SAVE: ${save}\n`);
});

test('the script of AWS warns beside the role that any push can take', () => {
  const warning = '# On AWS every push to a branch can assume this role too.';
  expect(scriptOf('aws')).toContain(`caches of pull requests.\n${warning}`);
  expect(policyScript(optionsOf({ ...AWS, roles: ['read', 'prune'] }))).not.toContain(warning);
  expect(scriptOf('rgw')).not.toContain(warning);
});
