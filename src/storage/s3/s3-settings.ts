/** Settings of one bucket, already validated (src/action/inputs/target.ts makes them from the inputs). */
export interface S3Settings {
  /** Scheme, host and port; undefined means AWS in `region`. */
  readonly endpoint: URL | undefined;
  readonly region: string;
  readonly bucket: string;
  /** The inputs' credentials. If undefined, those of the environment, a web identity, the shared file or the machine. */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
    | undefined;
  /** The one of the inputs `accessKey` and `secretKey` that is empty, if the other is not. */
  readonly missingKey?: 'accessKey' | 'secretKey' | undefined;
  /** The role that the run takes with its OIDC token, in place of keys. Undefined if it takes none. */
  readonly role: RoleSettings | undefined;
  /** Only a save takes a role, and this phase does not save. Then it has no credentials, because none are used beside a role. */
  readonly onlySaveHasRole?: boolean | undefined;
  /** Use the instance metadata service too (2 s at most). Only for AWS itself, never on a fork's pull request. */
  readonly instanceMetadata: boolean;
  /** The run is of a fork's pull request: only keys are used, no role, process or token of the runner. */
  readonly forkPullRequest: boolean;
  /** false only for amazonaws.com: elsewhere the first label of a host name is not known to be a bucket. */
  readonly forcePathStyle: boolean;
  /** A PEM file of further certificate authorities. */
  readonly caFile: string | undefined;
  /** The environment of the process: proxies, AWS_* and the places of shared files. */
  readonly environment: Readonly<NodeJS.ProcessEnv>;
  /** How the server is to encrypt each object. Undefined if the bucket's own default decides. */
  readonly encryption:
    | { readonly algorithm: 'AES256' | 'aws:kms'; readonly kmsKeyId: string | undefined }
    | undefined;
  /** Attempts per call: 1 + `retry-count`, or 1 with `retry: false`. Range 1 to 100. */
  readonly attempts: number;
}

export interface RoleSettings {
  readonly arn: string;
  /** The input that names it. */
  readonly input: 'role-to-assume' | 'role-to-assume-for-save';
  /** The `aud` claim of the token. */
  readonly audience: string;
  /** Scheme, host and port of the STS; undefined means that of AWS in the region. */
  readonly stsEndpoint: URL | undefined;
}

/** Names the bucket and its endpoint, for people. */
export function describeBucket(settings: S3Settings): string {
  return `bucket ${settings.bucket} at ${describeEndpoint(settings)}`;
}

export function describeEndpoint({ endpoint, region }: Pick<S3Settings, 'endpoint' | 'region'>): string {
  return endpoint?.origin ?? `AWS in ${region}`;
}
