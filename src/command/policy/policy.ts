import { parseStoreInputs } from '../../action/inputs/inputs.ts';
import type { Environment } from '../../action/inputs/read-input.ts';
import { CommandError } from '../command-error.ts';
import { writeJson } from '../output/json.ts';
import type { Output } from '../output/output.ts';
import { ROLE_KINDS, type RoleKind } from './roles.ts';
import { policyScript } from './script.ts';
import { defineRoles, minioPolicy, type PolicyOptions } from './servers.ts';

/** The options of the subcommand, as given. */
export interface PolicyArguments
  extends Pick<PolicyOptions, 'server' | 'repository' | 'repositoryId' | 'defaultBranch' | 'issuer'>,
    Partial<
      Pick<PolicyOptions, 'audience' | 'rolePrefix' | 'account' | 'ownerId' | 'environment' | 'recordUse'>
    > {
  readonly roles: readonly RoleKind[];
  readonly thumbprint?: readonly string[];
}

/** Writes the commands that create the roles of a repository, or their documents as JSON. Makes no request. */
export async function printPolicy(env: Environment, output: Output, given: PolicyArguments): Promise<void> {
  const options = parsePolicyOptions(env, given);
  const { server, issuer, audience } = options;
  // It is not escaped: the script contains no foreign text but the options, which `FORMS` restricts
  if (!output.json) return output.raw(policyScript(options));
  const policy = server === 'minio' ? { policy: minioPolicy(options) } : { roles: defineRoles(options) };
  return writeJson(output, { server, issuer, audience, ...policy });
}

type Form = readonly [pattern: RegExp, description: string];

/** The forms that the options must have, because they become words of a shell script and patterns of a policy. */
const FORMS = {
  bucket: [/^[\w.:-]+$/, 'the name of a bucket'],
  repository: [/^[\w-]{1,100}\/[\w.-]{1,100}$/, 'OWNER/NAME'],
  'repository-id': [/^\d{1,20}$/, 'a number (gh api repos/OWNER/NAME --jq .id)'],
  // Git allows neither wildcards nor spaces. With a wrong name, the role `branches` could write the place of the default branch
  'default-branch': [/^(?!refs\/|\/)[^\s*?"'\\$`\p{Cc}]{1,200}(?<!\/)$/u, 'a branch, without refs/heads/'],
  issuer: [/^https?:\/\/[\w.:-]+(?:\/[\w./-]*[\w-])?$/, 'a URL without a slash at its end'],
  audience: [/^[\x21-\x7e]{1,255}$/, 'printable and without spaces'],
  'role-prefix': [/^[\w+=,.@-]{1,50}$/, 'at most 50 letters, digits and +=,.@-'],
  account: [/^\w{0,100}$/, 'a tenant'],
  'owner-id': [/^\d{0,20}$/, 'a number'],
  environment: [/^$/, 'left out, because only policies of AWS compare it'],
  thumbprint: [/^[\da-f]{40}$/i, '40 hex digits (SHA-1)'],
  endpoint: [/^https?:\/\/[\w.:[\]-]+\/?$/, 'the URL of the server'],
} as const satisfies Readonly<Record<string, Form>>;

const FORMS_OF_AWS: Partial<Readonly<Record<keyof typeof FORMS, Form>>> = {
  account: [/^\d{12}$/, 'the 12 digits of an AWS account'],
  environment: [/^[\w.-]{0,100}$/, 'letters, digits, . and -'],
};

/** Checks the options. Throws `CommandError` for a value that cannot be used, `BadInputError` for a bad setting of the store. */
export function parsePolicyOptions(env: Environment, given: PolicyArguments): PolicyOptions {
  const { bucket, prefix, audience, endpoint } = parseStoreInputs(env);
  const { server, repositoryId } = given;
  const isAws = server === 'aws';
  const check = (option: keyof typeof FORMS, value: string) => {
    const [pattern, description] = (isAws && FORMS_OF_AWS[option]) || FORMS[option];
    if (pattern.test(value)) return value;
    const problem = value === '' ? 'is not set' : `is ${JSON.stringify(value)}`;
    throw new CommandError(`--${option} ${problem}, but it must be ${description}.`);
  };
  if (bucket === '') throw new CommandError('No bucket is set: use --bucket or CACHE_S3_BUCKET.');
  return {
    server,
    kinds: ROLE_KINDS.filter(kind => given.roles.includes(kind)),
    bucket: check('bucket', bucket),
    prefix,
    repository: check('repository', given.repository),
    repositoryId: check('repository-id', repositoryId),
    defaultBranch: check('default-branch', given.defaultBranch),
    recordUse: given.recordUse ?? false,
    issuer: check('issuer', given.issuer),
    audience: check('audience', given.audience ?? audience),
    rolePrefix: check('role-prefix', given.rolePrefix ?? `cache-${repositoryId}`),
    account: check('account', given.account ?? ''),
    ownerId: check('owner-id', given.ownerId ?? ''),
    environment: check('environment', given.environment ?? ''),
    thumbprints: (given.thumbprint ?? []).map(one => check('thumbprint', one)),
    endpoint: isAws ? '' : check('endpoint', endpoint),
  };
}
