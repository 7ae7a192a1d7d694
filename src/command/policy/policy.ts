import { parseStoreInputs } from '../../action/inputs/inputs.ts';
import type { Environment } from '../../action/inputs/read-input.ts';
import { CommandError } from '../command-error.ts';
import { writeJson } from '../output/json.ts';
import type { Output } from '../output/output.ts';
import { ROLE_KINDS, type RoleKind } from './roles.ts';
import { policyScript } from './script.ts';
import { defineRoles, minioPolicy, type PolicyOptions } from './servers.ts';

/** The options of the subcommand, as given. */
export interface PolicyArguments {
  readonly server: PolicyOptions['server'];
  readonly repository: string;
  readonly repositoryId: string;
  readonly roles: readonly RoleKind[];
  readonly defaultBranch: string;
  readonly issuer: string;
  readonly audience?: string;
  readonly rolePrefix?: string;
  readonly account?: string;
  readonly ownerId?: string;
  readonly environment?: string;
  readonly thumbprint?: readonly string[];
  readonly recordUse?: boolean;
}

/** Writes the commands that create the roles of a repository, or their documents as JSON. Makes no request. */
export async function printPolicy(env: Environment, output: Output, given: PolicyArguments): Promise<void> {
  const options = parsePolicyOptions(env, given);
  const { server, issuer, audience } = options;
  // The script has names of the options only, all of which are checked
  if (!output.json) return output.raw(policyScript(options));
  const policy = server === 'minio' ? { policy: minioPolicy(options) } : { roles: defineRoles(options) };
  return writeJson(output, { server, issuer, audience, ...policy });
}

/**
 * Checks the options, all of which become words of a shell script and patterns of a policy.
 * @throws CommandError for a value that cannot be used, BadInputError for one of the store's settings.
 */
export function parsePolicyOptions(env: Environment, given: PolicyArguments): PolicyOptions {
  const { bucket, prefix, audience, endpoint } = parseStoreInputs(env);
  const { server, repositoryId, defaultBranch, account = '' } = given;
  const check = (option: string, value: string, form: RegExp, expected: string) => {
    if (!form.test(value))
      throw new CommandError(`${option} is ${JSON.stringify(value)}, but it must be ${expected}.`);
    return value;
  };
  if (bucket === '') throw new CommandError('No bucket is set: use --bucket or CACHE_S3_BUCKET.');
  check('--bucket', bucket, /^[\w.:-]+$/, 'the name of a bucket');
  const isAws = server === 'aws';
  return {
    server,
    kinds: ROLE_KINDS.filter(kind => given.roles.includes(kind)),
    bucket,
    prefix,
    repository: check('--repository', given.repository, /^[\w-]{1,100}\/[\w.-]{1,100}$/, 'OWNER/NAME'),
    repositoryId: check(
      '--repository-id',
      repositoryId,
      /^\d{1,20}$/,
      'a number (gh api repos/OWNER/NAME --jq .id)',
    ),
    // Git allows neither wildcards nor spaces. Under another name the place of the branch would be open to `branches`
    defaultBranch: check(
      '--default-branch',
      defaultBranch,
      /^(?!refs\/|\/)[^\s*?"'\\$`\p{Cc}]{1,200}(?<!\/)$/u,
      'a branch, without refs/heads/',
    ),
    recordUse: given.recordUse ?? false,
    issuer: check(
      '--issuer',
      given.issuer,
      /^https?:\/\/[\w.:-]+(?:\/[\w./-]*[\w-])?$/,
      'a URL without a slash at its end',
    ),
    audience: check(
      '--audience',
      given.audience ?? audience,
      /^[\x21-\x7e]{1,255}$/,
      'printable and without spaces',
    ),
    rolePrefix: check(
      '--role-prefix',
      given.rolePrefix ?? `cache-${repositoryId}`,
      /^[\w+=,.@-]{1,50}$/,
      'at most 50 letters, digits and +=,.@-',
    ),
    account: check(
      '--account',
      account,
      isAws ? /^\d{12}$/ : /^\w{0,100}$/,
      isAws ? 'the 12 digits of an AWS account' : 'a tenant',
    ),
    ownerId: check('--owner-id', given.ownerId ?? '', /^\d{0,20}$/, 'a number'),
    environment: check(
      '--environment',
      given.environment ?? '',
      isAws ? /^[\w.-]{0,100}$/ : /^$/,
      isAws ? 'letters, digits, . and -' : 'left out, because only policies of AWS compare it',
    ),
    thumbprints: (given.thumbprint ?? []).map(one =>
      check('--thumbprint', one, /^[\da-f]{40}$/i, '40 hex digits (SHA-1)'),
    ),
    endpoint: isAws
      ? ''
      : check('--endpoint', endpoint, /^https?:\/\/[\w.:[\]-]+\/?$/, 'the URL of the server'),
  };
}
