import { cachesRoot, markersRoot } from '../../cache/keys/cache-names.ts';
import { encodeComponent } from '../../cache/keys/object-names.ts';

/** The roles of one repository: the runs that may assume each of them, and its rights. This module has no input or output. */

export const ROLE_KINDS = ['read', 'main', 'branches', 'pulls', 'prune', 'prune-pulls'] as const;

export type RoleKind = (typeof ROLE_KINDS)[number];

export const ROLE_DESCRIPTIONS: Readonly<Record<RoleKind, string>> = {
  read: 'Every run of the repository reads.',
  main: 'The default branch writes its own place.',
  branches: 'The other branches and merge queues write their places.',
  pulls: 'Pull requests write their places, also those of other pull requests.',
  prune: 'Runs of the default branch delete caches.',
  'prune-pulls': 'Runs of pull_request_target delete caches of pull requests.',
};

/** The repository and its place in the bucket, checked by `parsePolicyOptions`. */
export interface PolicyScope {
  readonly bucket: string;
  readonly prefix: string;
  /** `owner/name`, spelled as GitHub does. */
  readonly repository: string;
  readonly repositoryId: string;
  /** The branch without `refs/heads/`. */
  readonly defaultBranch: string;
  /** Whether the readers may note the last use of a cache. */
  readonly recordUse: boolean;
}

/** A statement of a policy, as JSON has it. */
export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: { readonly Federated: readonly string[] };
  readonly Action: readonly string[];
  readonly Resource?: readonly string[];
  readonly Condition?: Condition;
}

export type Condition = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

export function createPolicy(...statements: readonly Statement[]): PolicyDocument {
  return { Version: '2012-10-17', Statement: statements };
}

/** The runs that may assume a role, by the claims of their tokens. */
export interface Runs {
  /** Full refs, or one pattern that ends in `*`. Undefined if runs of any ref may assume the role. */
  readonly refs: readonly string[] | undefined;
  /**
   * Events. Undefined if runs of any event may assume the role. The ref alone never gives a role that writes: runs that a comment
   * or another workflow has triggered have the ref of the default branch.
   */
  readonly events: readonly string[] | undefined;
}

/** Returns the runs that may assume a role. */
export function runsOf(kind: RoleKind, { defaultBranch }: PolicyScope): Runs {
  const main = [`refs/heads/${defaultBranch}`];
  switch (kind) {
    case 'read':
      return { refs: undefined, events: undefined };
    case 'main':
      return { refs: main, events: ['push', 'schedule', 'workflow_dispatch'] };
    case 'branches':
      return { refs: ['refs/heads/*'], events: ['push', 'workflow_dispatch', 'merge_group'] };
    case 'pulls':
      return { refs: ['refs/pull/*'], events: ['pull_request'] };
    case 'prune':
      return { refs: main, events: ['schedule', 'workflow_dispatch', 'delete'] };
    case 'prune-pulls':
      return { refs: ['refs/heads/*'], events: ['pull_request_target'] };
  }
}

const READ = ['s3:GetObject'];
const WRITE = ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];

/** Returns the statements of a role's policy. Every writer reads too: a save checks whether its key exists, and copies its base. */
export function permissionsOf(kind: RoleKind, scope: PolicyScope): readonly Statement[] {
  const { prefix, repository, defaultBranch, recordUse } = scope;
  const objects = (...names: readonly string[]) => names.map(name => `${bucketArn(scope.bucket)}/${name}`);
  const caches = cachesRoot(prefix, repository);
  const markers = markersRoot(prefix, repository);
  const branches = `${caches}${encodeComponent('refs/heads/')}`;
  const pulls = `${caches}${encodeComponent('refs/pull/')}`;
  const markersOfPulls = `${markers}${encodeComponent('refs/pull/')}`;
  const prunes = kind === 'prune' || kind === 'prune-pulls';
  const main = `${cachesRoot(prefix, repository, `refs/heads/${defaultBranch}`)}*`;
  const allow = (Sid: string, Action: readonly string[], ...names: readonly string[]): Statement => ({
    Sid,
    Effect: 'Allow',
    Action,
    Resource: objects(...names),
  });
  const read = [
    allow('ReadTheRepository', READ, `${caches}*`),
    allowIn(scope, 'ListTheRepository', ['s3:ListBucket'], `${caches}*`, ...(prunes ? [`${markers}*`] : [])),
    ...(recordUse && !prunes ? [allow('NoteUse', [...READ, 's3:PutObject'], `${markers}*`)] : []),
  ];
  const findUploads = allowIn(scope, 'FindUploads', ['s3:ListBucketMultipartUploads'], `${caches}*`);
  switch (kind) {
    case 'read':
      return read;
    case 'main':
      return [...read, allow('WriteTheDefaultBranch', WRITE, main), findUploads];
    case 'branches': {
      const denied: Statement = { ...allow('NotTheDefaultBranch', WRITE, main), Effect: 'Deny' };
      return [...read, allow('WriteBranches', WRITE, `${branches}*`), denied, findUploads];
    }
    case 'pulls':
      return [...read, allow('WritePullRequests', WRITE, `${pulls}*`), findUploads];
    case 'prune':
    case 'prune-pulls': {
      const [ofCaches, ofMarkers] = kind === 'prune' ? [caches, markers] : [pulls, markersOfPulls];
      return [
        ...read,
        allow('ReadMarkers', READ, `${markers}*`),
        allow('Delete', ['s3:DeleteObject'], `${ofCaches}*`, `${ofMarkers}*`),
        // The parts show whether an upload has become the object of its name. Then it is not aborted
        allow('AbortUploads', ['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], `${ofCaches}*`),
        findUploads,
      ];
    }
  }
}

/**
 * Returns a statement that allows listings of the bucket below these prefixes. It ends in `…IfExists`, because a request for a
 * missing object has no prefix, and would be refused instead of being a miss.
 */
function allowIn(
  scope: PolicyScope,
  Sid: string,
  Action: readonly string[],
  ...prefixes: readonly string[]
): Statement {
  return {
    Sid,
    Effect: 'Allow',
    Action,
    Resource: [bucketArn(scope.bucket)],
    Condition: { StringLikeIfExists: { 's3:prefix': prefixes } },
  };
}

/** Returns the ARN of a bucket. `tenant:name` is a bucket of another tenant of RADOS Gateway. */
export function bucketArn(bucket: string): string {
  const [name = '', tenant = ''] = bucket.split(':').reverse();
  return `arn:aws:s3::${tenant}:${name}`;
}
