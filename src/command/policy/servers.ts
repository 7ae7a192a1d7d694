import {
  type Condition,
  createPolicy,
  type PolicyDocument,
  type PolicyScope,
  permissionsOf,
  type RoleKind,
  runsOf,
  type Statement,
} from './roles.ts';

/** The roles as policies of RADOS Gateway, AWS and MinIO. */

export const POLICY_SERVERS = ['rgw', 'aws', 'minio'] as const;

export interface PolicyOptions extends PolicyScope {
  readonly server: (typeof POLICY_SERVERS)[number];
  readonly kinds: readonly RoleKind[];
  /** URL of the issuer of the tokens. */
  readonly issuer: string;
  readonly audience: string;
  /** First part of the roles' names. */
  readonly rolePrefix: string;
  /** Number of the account of AWS, or the tenant or account of RADOS Gateway, '' for none. */
  readonly account: string;
  /** Number of the owner for AWS and MinIO, '' if it is not known. */
  readonly ownerId: string;
  /** Environment of the repository that only trusted workflows name, for AWS, '' for none. */
  readonly environment: string;
  /** SHA-1 of the issuer's certificates in hex, for RADOS Gateway. If there are none, the commands compute them. */
  readonly thumbprints: readonly string[];
  /** URL of the server, for RADOS Gateway and MinIO. */
  readonly endpoint: string;
}

/** Returns the roles for RADOS Gateway or AWS, each with its rights and the runs that may assume it. */
export function defineRoles(options: PolicyOptions) {
  const { kinds, rolePrefix, account } = options;
  return kinds.map(kind => {
    const name = `${rolePrefix}-${kind}`;
    return {
      kind,
      name,
      arn: `arn:aws:iam::${account}:role/${name}`,
      trust: trustOf(kind, options),
      permissions: createPolicy(...permissionsOf(kind, options)),
    };
  });
}

/** Returns the issuer as names of providers and condition keys contain it: without its scheme. */
function issuerName({ issuer }: Pick<PolicyOptions, 'issuer'>): string {
  return issuer.replace(/^https?:\/\//, '');
}

/** Returns the ARN of the provider of the tokens. */
export function providerArn(options: Pick<PolicyOptions, 'issuer' | 'account'>): string {
  return `arn:aws:iam::${options.account}:oidc-provider/${issuerName(options)}`;
}

function trustOf(kind: RoleKind, options: PolicyOptions): PolicyDocument {
  return createPolicy({
    Effect: 'Allow',
    Principal: { Federated: [providerArn(options)] },
    Action: ['sts:AssumeRoleWithWebIdentity'],
    Condition: options.server === 'aws' ? awsConditions(kind, options) : rgwConditions(kind, options),
  });
}

/** Returns the conditions for RADOS Gateway, which has a condition key for each claim of the token. */
function rgwConditions(kind: RoleKind, options: PolicyOptions): Condition {
  const { audience, repositoryId } = options;
  const { refs, events } = runsOf(kind, options);
  const claims = {
    aud: audience,
    repository_id: repositoryId,
    ...(refs && !isPattern(refs) && { ref: refs }),
    ...(events && { event_name: events }),
  };
  return withKeys(options, {
    StringEquals: claims,
    ...(refs && isPattern(refs) && { StringLike: { ref: refs } }),
  });
}

/**
 * Returns the conditions for AWS. It has condition keys for the ids and the ref (since January 2026), none for the event, and
 * requires a condition on the subject. A branch's subject excludes pull requests. An environment also excludes runs that a
 * comment has triggered.
 */
function awsConditions(kind: RoleKind, options: PolicyOptions): Condition {
  const { audience, repositoryId, environment } = options;
  const { refs } = runsOf(kind, options);
  const isGuarded = environment !== '' && (kind === 'main' || kind === 'prune');
  const claims = {
    aud: audience,
    repository_id: repositoryId,
    ...(refs && !isPattern(refs) && { ref: refs }),
    ...(isGuarded && { environment }),
  };
  return withKeys(options, {
    StringEquals: claims,
    StringLike: {
      sub: subjects(options, isGuarded ? [`environment:${environment}`] : subjectsOfRuns(kind, refs)),
      ...(refs && isPattern(refs) && { ref: refs }),
    },
  });
}

function subjectsOfRuns(kind: RoleKind, refs: readonly string[] | undefined): readonly string[] {
  if (kind === 'pulls') return ['pull_request'];
  return refs === undefined ? ['*'] : refs.map(ref => `ref:${ref}`);
}

/** Returns the subjects in both forms. For repositories of July 2026 and later they have the ids of owner and repository. */
function subjects(
  { repository, repositoryId, ownerId }: PolicyOptions,
  ends: readonly string[],
): readonly string[] {
  const [owner = '', name = ''] = repository.split('/');
  const begins = [`repo:${owner}/${name}`, `repo:${owner}@${ownerId || '*'}/${name}@${repositoryId}`];
  return begins.flatMap(begin => ends.map(end => `${begin}:${end}`));
}

function isPattern(refs: readonly string[]): boolean {
  return refs.some(ref => ref.endsWith('*'));
}

function withKeys(options: PolicyOptions, conditions: Condition): Condition {
  const name = issuerName(options);
  return Object.fromEntries(
    Object.entries(conditions).map(([operator, claims]) => [
      operator,
      Object.fromEntries(Object.entries(claims).map(([claim, value]) => [`${name}:${claim}`, value])),
    ]),
  );
}

/**
 * Returns the policy for MinIO, which has one role for each audience: the subject of its token decides the rights of a run. A
 * denial is for all runs except on the default branch, whose subject also matches the pattern of the branches.
 */
export function minioPolicy(options: PolicyOptions): PolicyDocument {
  const subjectsOf = (kind: RoleKind) => subjects(options, subjectsOfRuns(kind, runsOf(kind, options).refs));
  const statements = options.kinds.flatMap(kind =>
    permissionsOf(kind, options).map(
      ({ Sid, Effect, Condition, ...statement }): Statement => ({
        Sid: `${Sid}${kind}`,
        Effect,
        ...statement,
        Condition:
          Effect === 'Deny'
            ? { StringNotLike: { 'jwt:sub': subjectsOf('main') } }
            : { ...Condition, StringLike: { 'jwt:sub': subjectsOf(kind) } },
      }),
    ),
  );
  return createPolicy(...statements);
}
