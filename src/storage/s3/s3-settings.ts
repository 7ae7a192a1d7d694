/** Validated settings of one bucket (src/action/inputs/target.ts makes them from the inputs). */
export interface S3Settings {
  /** Scheme, host and port. Undefined means AWS in `region`. */
  readonly endpoint: URL | undefined;
  readonly region: string;
  readonly bucket: string;
  /** The keys of the inputs. If undefined, they are from the environment, a web identity, the shared files or the machine. */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
    | undefined;
  /** The empty one of the inputs `accessKey` and `secretKey`, if only one is. */
  readonly missingKey?: 'accessKey' | 'secretKey' | undefined;
  /** The role that the run assumes with its OIDC token, in place of keys. Undefined if it assumes none. */
  readonly role: RoleSettings | undefined;
  /** Whether only a save assumes a role, and this phase does not save. Then it has no credentials: a role excludes others. */
  readonly onlySaveHasRole?: boolean | undefined;
  /** Whether the instance metadata service is used too (2 s at most). It is for AWS itself, not for a fork's pull request. */
  readonly instanceMetadata: boolean;
  /** Whether the run is of a fork's pull request: only keys are used, no role, process or token of the runner. */
  readonly forkPullRequest: boolean;
  /** Whether the bucket's name is in the path of URLs. It is false only for amazonaws.com, where it is in the host name. */
  readonly forcePathStyle: boolean;
  /** A PEM file of additional certificate authorities. */
  readonly caFile: string | undefined;
  /** The environment of the process: proxies, AWS_* and the paths of the shared files. */
  readonly environment: Readonly<NodeJS.ProcessEnv>;
  /** The encryption of each object by the server. Undefined if the default of the bucket decides. */
  readonly encryption:
    | { readonly algorithm: 'AES256' | 'aws:kms'; readonly kmsKeyId: string | undefined }
    | undefined;
  /** Number of attempts of a call: 1 + `retry-count`, or 1 with `retry: false`. Range 1 to 100. */
  readonly attempts: number;
}

/** The role that a run assumes, and its STS. */
export interface RoleSettings {
  readonly arn: string;
  /** The input that names the role. */
  readonly input: 'role-to-assume' | 'role-to-assume-for-save';
  /** The `aud` claim of the token. */
  readonly audience: string;
  /** Scheme, host and port of the STS. Undefined means the STS of AWS in the region. */
  readonly stsEndpoint: URL | undefined;
}

/** Returns the name of the bucket and its endpoint, for messages. */
export function describeBucket(settings: S3Settings): string {
  return `bucket ${settings.bucket} at ${describeEndpoint(settings)}`;
}

/** Returns the endpoint's origin, or AWS and the region, for messages. */
export function describeEndpoint({ endpoint, region }: Pick<S3Settings, 'endpoint' | 'region'>): string {
  return endpoint?.origin ?? `AWS in ${region}`;
}
