import {
  BadInputError,
  type Environment,
  isStepInput,
  matching,
  nameInput,
  readInput,
  readParsed,
} from './read-input.ts';

const KEYS = ['accessKey', 'secretKey', 'sessionToken'] as const;
const ROLES = ['role-to-assume', 'role-to-assume-for-save'] as const;

/** The audience of configure-aws-credentials. */
const DEFAULT_AUDIENCE = 'sts.amazonaws.com';
/** The audience becomes a part of a URL and of a claim. The limit is that of AWS on a client id. */
const AUDIENCE = /^[\x21-\x7e]{1,255}$/;
const AUDIENCE_FORM = 'at most 255 printable characters without spaces';

/**
 * The ARNs of AWS, RADOS Gateway (with a tenant or an account, or neither) and MinIO (`arn:minio:iam:::role/…`). The limit is
 * that of AWS.
 */
const ROLE_ARN = /^(?=.{1,2048}$)arn:[\w-]+:iam::[\w-]*:role\/[\w+=,.@/-]+$/;
const ROLE_FORM = 'the ARN of a role, such as arn:aws:iam:::role/ci-read';

/**
 * Reads the inputs with which the step identifies itself to the store: keys, or a role. An input that is not set is ''. Keys and
 * a role contradict each other if the step sets both, or variables set both; else those of the step win.
 * @throws BadInputError for such a contradiction, and for a value of another form.
 */
export function parseIdentity(env: Environment) {
  const ofStep = identityBy(name => isStepInput(env, name));
  const { key, role } =
    (ofStep.key ?? ofStep.role) ? ofStep : identityBy(name => readInput(env, name) !== '');
  if (key !== undefined && role !== undefined) {
    throw new BadInputError(role, `is set together with input ${nameInput(env, key)}: remove one of them.`);
  }
  const read = (name: string) => (role === undefined ? readInput(env, name) : '');
  const readArn = (name: string) =>
    key === undefined ? (readParsed(env, name, matching(ROLE_ARN), ROLE_FORM) ?? '') : '';
  return {
    accessKey: read('accessKey'),
    secretKey: read('secretKey'),
    sessionToken: read('sessionToken'),
    // ARN of the role that main and restore/ take
    roleToAssume: readArn('role-to-assume'),
    // ARN of the role that post and save/ take; '' if it is `roleToAssume`
    roleToAssumeForSave: readArn('role-to-assume-for-save'),
    audience: readParsed(env, 'audience', matching(AUDIENCE), AUDIENCE_FORM) ?? DEFAULT_AUDIENCE,
    // As given; `parseStsEndpoint` reads it
    stsEndpoint: readInput(env, 'sts-endpoint'),
  };
}

/** Returns the first of the keys and of the roles that is set. */
function identityBy(isSet: (name: string) => boolean) {
  return { key: KEYS.find(isSet), role: ROLES.find(isSet) };
}
