import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { readSharedFiles } from '../../../../src/storage/s3/credentials/shared-files.ts';
import { scratch } from '../../../support/scratch.ts';

let directory: string;
beforeEach(() => {
  directory = scratch();
});

/** Reads the files that have these texts; a file without a text does not exist. */
function read({ config, credentials }: { readonly config?: string; readonly credentials?: string }) {
  const files = {
    AWS_CONFIG_FILE: path.join(directory, 'a'),
    AWS_SHARED_CREDENTIALS_FILE: path.join(directory, 'b'),
  };
  if (config !== undefined) writeFileSync(files.AWS_CONFIG_FILE, config);
  if (credentials !== undefined) writeFileSync(files.AWS_SHARED_CREDENTIALS_FILE, credentials);
  return readSharedFiles(files).profiles;
}

test('the settings of the credentials file take precedence over those of the configuration file', () => {
  const config = '[default]\nregion = r\naws_access_key_id = config\n[profile ci]\nregion = ci\n';
  const credentials = '[default]\naws_access_key_id = credentials\n[ci]\naws_access_key_id = ci\n';
  expect(read({ config, credentials })).toEqual({
    default: { region: 'r', aws_access_key_id: 'credentials' },
    ci: { region: 'ci', aws_access_key_id: 'ci' },
  });
});

test('only the default and sections that begin with profile are profiles of the configuration file', () => {
  const config = '[ci]\nregion = a\n[profile "two words"]\nregion = b\n[sso-session x]\nregion = c\n';
  expect(read({ config })).toEqual({ 'two words': { region: 'b' } });
});

test('comments, blanks and nested settings are read as the SDK reads them', () => {
  const credentials = [
    '# comment',
    'outside = 1',
    '[ ci ] ; comment',
    'a = a=b#c # comment',
    's3 =',
    '  nested = 1',
    'b=  sp ace',
    '; c = commented',
    '= no name',
  ].join('\r\n');
  expect(read({ credentials })).toEqual({ ci: { a: 'a=b#c', s3: '', b: 'sp ace' } });
});

test('a section may have the name of a property of every object', () => {
  const profiles = read({ credentials: '[__proto__]\nregion = a\n[constructor]\nregion = b\n' });
  expect(Object.keys(profiles)).toEqual(['__proto__', 'constructor']);
});

test('files that do not exist have no profiles', () => {
  expect(Object.keys(read({}))).toEqual([]);
});

test('a file below a file does not exist, and has no profiles', () => {
  writeFileSync(path.join(directory, 'file'), '');
  const files = { AWS_CONFIG_FILE: path.join(directory, 'file/a'), AWS_SHARED_CREDENTIALS_FILE: '/nowhere' };
  expect(Object.keys(readSharedFiles(files).profiles)).toEqual([]);
});

test('a file of more than 1 MiB fails with its name', () => {
  const config = '[default]\nregion = r\n';
  expect(read({ config: config.padEnd(1024 * 1024) })).toEqual({ default: { region: 'r' } });
  expect(() => read({ config: config.padEnd(1024 * 1024 + 1) })).toThrow('a cannot be read (EFBIG)');
});

test('a file that is not a regular one fails with its name', () => {
  mkdirSync(path.join(directory, 'a'));
  expect(() => read({})).toThrow(/^a cannot be read \(/);
});

test('without variables the files are in the home directory, to which ~ in a variable leads', () => {
  vi.stubEnv('HOME', directory);
  vi.stubEnv('USERPROFILE', directory);
  const { configFile, credentialsFile } = readSharedFiles({ AWS_CONFIG_FILE: '~/mine' });
  expect([configFile, credentialsFile]).toEqual([
    path.join(directory, 'mine'),
    path.join(directory, '.aws/credentials'),
  ]);
});
