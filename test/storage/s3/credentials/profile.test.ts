import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { directory, file, provider, useSharedFiles } from './use-shared-files.ts';

useSharedFiles();

describe('a profile of the shared files', () => {
  test('has the keys of the credentials file before those of the configuration file', async () => {
    writeFileSync(
      path.join(directory, 'config'),
      '[default]\naws_access_key_id=config\naws_secret_access_key=secret\n[profile ci]\naws_access_key_id=config-ci\naws_secret_access_key=secret\n',
    );
    expect(await provider()()).toMatchObject({ accessKeyId: 'config' });
    vi.stubEnv('AWS_PROFILE', 'ci');
    expect(await provider()()).toMatchObject({ accessKeyId: 'config-ci' });
    writeFileSync(file, '[ci]\naws_access_key_id=credentials\naws_secret_access_key=secret\n');
    expect(await provider()()).toMatchObject({ accessKeyId: 'credentials' });
  });

  test('that is the source of itself is refused', async () => {
    writeFileSync(file, '[default]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = default\n');
    await expect(provider()()).rejects.toThrow('too long a chain of source profiles');
  });

  test.each([
    ['credential_source = Ec2InstanceMetadata\nrole_arn = arn:aws:iam::1:role/a'],
    ['credential_source = EcsContainer\nrole_arn = arn:aws:iam::1:role/a'],
    ['credential_source = Environment\nrole_arn = arn:aws:iam::1:role/a'],
    ['source_profile = keys\nrole_arn = arn:aws:iam::1:role/a'],
    ['web_identity_token_file = /token\nrole_arn = arn:aws:iam::1:role/a'],
    ['credential_process = touch ran'],
    ['sso_session = ci\nsso_account_id = 1\nsso_role_name = a'],
    ['login_session = arn:aws:iam::1:user/a'],
    [
      'role_arn = arn:aws:iam::1:role/a\naws_access_key_id = a\naws_secret_access_key = b\ncredential_source = Ec2InstanceMetadata',
    ],
  ])('is refused on a pull request from a fork: %j', async settings => {
    const keys = '[keys]\naws_access_key_id = a\naws_secret_access_key = b\n';
    writeFileSync(file, `[default]\n${settings}\n${keys}`);
    await expect(provider({ forkPullRequest: true })()).rejects.toThrow(
      "(shared file: the profile 'default' has no keys, and a pull request from a fork gets no role of the runner)",
    );
  });

  test('gives its keys on a pull request from a fork', async () => {
    writeFileSync(file, '[default]\naws_access_key_id = a\naws_secret_access_key = b\n');
    expect(await provider({ forkPullRequest: true })()).toMatchObject({ accessKeyId: 'a' });
  });
});
