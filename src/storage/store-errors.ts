/**
 * The error contract of the object stores. The errors of `archive/archive-errors.ts` and the reason of a signal pass
 * through the storage layer unchanged; every other error that leaves a store is a bug.
 */

/** The base of all errors of this contract. */
export abstract class StoreError extends Error {}

/** The store does not respond, or fails until its retries are used up: time limit, connection, 5xx. */
export class StoreUnavailableError extends StoreError {
  override name = 'StoreUnavailableError';
}

/** Makes the error of a server that returns other bytes of an object than the requested ones. */
export function rangesNotServed(name: string, requested: string, got: string): StoreUnavailableError {
  return new StoreUnavailableError(
    `${name}: the endpoint does not serve ranges (requested ${requested}, got ${got})`,
  );
}

/** The store responds, and refuses: wrong credentials, no such bucket, access denied, quota. A retry cannot help. */
export class StoreRefusedError extends StoreError {
  override name = 'StoreRefusedError';
  /** The setting to check, as a phrase: `the input 'bucket'`, `the runner's clock`; undefined where none can help. */
  readonly setting: string | undefined;
  constructor(message: string, setting: string | undefined, options?: ErrorOptions) {
    super(message, options);
    this.setting = setting;
  }

  /** The message after the setting: `check the input 'bucket': there is no such bucket`. */
  get advice(): string {
    return this.setting === undefined ? this.message : `check ${this.setting}: ${this.message}`;
  }
}

/** Inputs of keys -> the variables of AWS that set them, as the setting of a refusal names them. */
export const AWS_VARIABLES: Readonly<Record<string, string>> = {
  accessKey: 'AWS_ACCESS_KEY_ID',
  secretKey: 'AWS_SECRET_ACCESS_KEY',
  sessionToken: 'AWS_SESSION_TOKEN',
};

/** There are no credentials at all, and no source of them. Only unsigned requests remain, which a public bucket accepts. */
export class NoCredentialsError extends StoreRefusedError {
  override name = 'NoCredentialsError';
}

/** A pull request from a fork gets no secrets and no token, so it has no credentials by design. */
export class ForkCredentialsError extends NoCredentialsError {
  override name = 'ForkCredentialsError';
  constructor(message: string) {
    super(message, undefined);
  }
}

/** The role that the step names cannot be taken: its token or the STS failed. */
export class RoleError extends StoreRefusedError {
  override name = 'RoleError';
}

/** A policy of the store does not allow the run to take its role, or to make this call with it. */
export class PolicyRefusedError extends StoreRefusedError {
  override name = 'PolicyRefusedError';
}

/** A body is too large for the server or a proxy in front of it (413). Smaller parts may pass. */
export class BodyTooLargeError extends StoreRefusedError {
  override name = 'BodyTooLargeError';
  readonly sizeBytes: number;
  constructor(sizeBytes: number, options?: ErrorOptions) {
    super(
      `the server, or a proxy in front of it, refuses a body of ${sizeBytes} bytes as too large (413); nginx: client_max_body_size`,
      'the limit on the size of a body',
      options,
    );
    this.sizeBytes = sizeBytes;
  }
}

/** The object has been replaced or removed since it was found (412 on If-Match, or 404). */
export class ObjectReplacedError extends StoreError {
  override name = 'ObjectReplacedError';
}

/** Makes the error for an object that is not the one that was found before. */
export function objectReplaced(name: string, cause?: unknown): ObjectReplacedError {
  return new ObjectReplacedError(`${name} was replaced or removed meanwhile`, { cause });
}

/** A read of an object that has just been found returned 404. */
export class ObjectMissingError extends ObjectReplacedError {
  override name = 'ObjectMissingError';
}

/** The name is taken: an object of it is stored already. */
export class ObjectExistsError extends StoreError {
  override name = 'ObjectExistsError';
}

/** The server does not copy parts of objects, or fails to. */
export class CopyRefusedError extends StoreError {
  override name = 'CopyRefusedError';
}

/** The object's name does not fit the store (S3: 1024 bytes of UTF-8). */
export class NameTooLongError extends StoreError {
  override name = 'NameTooLongError';
}
