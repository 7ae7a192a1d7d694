import {
  BadInputError,
  type Environment,
  isStepInput,
  nameInput,
  quoteValue,
  readInput,
} from './read-input.ts';

const KEYS = ['accessKey', 'secretKey', 'sessionToken'] as const;
const ROLES = ['role-to-assume', 'role-to-assume-for-save'] as const;

/** The audience of configure-aws-credentials. */
const DEFAULT_AUDIENCE = 'sts.amazonaws.com';

/** Longest ARN of a role (AWS, AssumeRoleWithWebIdentity), in characters. */
const MAX_ARN_LENGTH = 2048;

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
  const read = (name: string, isUsed: boolean) => (isUsed ? readInput(env, name) : '');
  const usesKeys = role === undefined;
  const usesRole = key === undefined;
  return {
    accessKey: read('accessKey', usesKeys),
    secretKey: read('secretKey', usesKeys),
    sessionToken: read('sessionToken', usesKeys),
    // ARN of the role that main and restore/ take
    roleToAssume: checkArn('role-to-assume', read('role-to-assume', usesRole)),
    // ARN of the role that post and save/ take; '' if it is `roleToAssume`
    roleToAssumeForSave: checkArn('role-to-assume-for-save', read('role-to-assume-for-save', usesRole)),
    audience: parseAudience(readInput(env, 'audience')),
    // As given; `parseStsEndpoint` reads it
    stsEndpoint: readInput(env, 'sts-endpoint'),
  };
}

/** Returns the first of the keys and of the roles that is set. */
function identityBy(isSet: (name: string) => boolean) {
  return { key: KEYS.find(isSet), role: ROLES.find(isSet) };
}

/** Accepts the ARNs of AWS, RADOS Gateway (with a tenant or an account, or neither) and MinIO (`arn:minio:iam:::role/…`). */
function checkArn(input: string, text: string): string {
  if (
    text === '' ||
    (text.length <= MAX_ARN_LENGTH && /^arn:[\w-]+:iam::[\w-]*:role\/[\w+=,.@/-]+$/.test(text))
  ) {
    return text;
  }
  throw new BadInputError(
    input,
    `is ${quoteValue(text)}, but it must be the ARN of a role, such as arn:aws:iam:::role/ci-read.`,
  );
}

/** The audience becomes a part of a URL and of a claim. The limit is that of AWS on a client id. */
function parseAudience(text: string): string {
  if (/^[\x21-\x7e]{0,255}$/.test(text)) return text || DEFAULT_AUDIENCE;
  throw new BadInputError(
    'audience',
    `is ${quoteValue(text)}, but it must be at most 255 printable characters without spaces.`,
  );
}
