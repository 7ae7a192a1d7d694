import {
  BadInputError,
  type Environment,
  isStepInput,
  matching,
  readInput,
  readParsed,
} from './read-input.ts';

const KEYS = ['accessKey', 'secretKey', 'sessionToken'] as const;
const ROLES = ['role-to-assume', 'role-to-assume-for-save'] as const;

/** The audience of configure-aws-credentials. */
const DEFAULT_AUDIENCE = 'sts.amazonaws.com';
/** The form of an audience, which becomes a part of a URL and of a claim. The limit is AWS's on a client id. */
const AUDIENCE = /^[\x21-\x7e]{1,255}$/;
const AUDIENCE_FORM = 'at most 255 printable characters without spaces';

/**
 * The form of the ARNs of AWS, RADOS Gateway (with a tenant or an account, or neither) and MinIO (`arn:minio:iam:::role/…`).
 * The limit is AWS's.
 */
const ROLE_ARN = /^(?=.{1,2048}$)arn:[\w-]+:iam::[\w-]*:role\/[\w+=,.@/-]+$/;
const ROLE_FORM = 'the ARN of a role, such as arn:aws:iam:::role/ci-read';

/**
 * Parses the inputs by which the step identifies itself to the store: keys, or a role. An input that is not set is ''. If the
 * step sets one of the two, and variables the other one, the step's is used. Throws `BadInputError` if the step or the variables
 * set both, and for a value of another form.
 */
export function parseIdentity(env: Environment) {
  const ofStep = findIdentity(name => isStepInput(env, name));
  const { key, role } =
    (ofStep.key ?? ofStep.role) ? ofStep : findIdentity(name => readInput(env, name) !== '');
  if (key !== undefined && role !== undefined) {
    throw new BadInputError(role, name => `is set together with ${name(key)}: remove one of them.`);
  }
  const read = (name: string) => (role === undefined ? readInput(env, name) : '');
  const readArn = (name: string) =>
    key === undefined ? (readParsed(env, name, matching(ROLE_ARN), ROLE_FORM) ?? '') : '';
  return {
    accessKey: read('accessKey'),
    secretKey: read('secretKey'),
    sessionToken: read('sessionToken'),
    // ARN of the role that main and restore/ assume
    roleToAssume: readArn('role-to-assume'),
    // ARN of the role that post and save/ assume; '' if it is `roleToAssume`
    roleToAssumeForSave: readArn('role-to-assume-for-save'),
    audience: readParsed(env, 'audience', matching(AUDIENCE), AUDIENCE_FORM) ?? DEFAULT_AUDIENCE,
    // This is not parsed here: `parseStsEndpoint` needs the bucket's server too
    stsEndpoint: readInput(env, 'sts-endpoint'),
  };
}

/** Returns the first input with a key that is set, and the first one with a role. */
function findIdentity(isSet: (name: string) => boolean) {
  return { key: KEYS.find(isSet), role: ROLES.find(isSet) };
}
