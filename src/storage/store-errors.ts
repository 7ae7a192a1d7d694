/**
 * The error contract of the object stores. The errors of `archive/archive-errors.ts` and the reason of a signal pass
 * through the storage layer unchanged; every other error that leaves a store is a bug.
 */

/** The base of all errors of this contract. */
export abstract class StoreError extends Error {}

/** Error of a store that does not respond, or fails until its retries are used up: time limit, connection, 5xx. */
export class StoreUnavailableError extends StoreError {
  override name = 'StoreUnavailableError';
}

/** Makes the error of a server that returns other bytes of an object than the requested ones. */
export function rangesNotServedError(name: string, requested: string, got: string): StoreUnavailableError {
  return new StoreUnavailableError(
    `${name}: the endpoint does not serve ranges (requested ${requested}, got ${got})`,
  );
}

/** A setting to check: an input of the action, or anything else as a phrase, such as `the runner's clock`. */
export type Setting =
  | {
      readonly input: string;
      /** The place that has set the input in this run, as a phrase. If undefined, the environment shows the place. */
      readonly place?: string;
    }
  | string;

/** Returns an input as a phrase with the place that sets it: `the input 'bucket' (CACHE_S3_BUCKET)`. */
export type NameInput = (input: string) => string;

/** Refusal by a store that responds: wrong credentials, no such bucket, access denied, quota. A retry cannot help. */
export class StoreRefusedError extends StoreError {
  override name = 'StoreRefusedError';
  /** The settings to check. Empty if none can help. */
  readonly settings: readonly Setting[];
  constructor(message: string, settings: Setting | readonly Setting[], options?: ErrorOptions) {
    super(message, options);
    this.settings = [settings].flat();
  }

  /** Returns the message after the settings: `check the input 'bucket': there is no such bucket`. */
  advise(nameInput: NameInput): string {
    const name = (one: Setting) => (typeof one === 'string' ? one : (one.place ?? nameInput(one.input)));
    const names = [...new Set(this.settings.map(name))];
    const last = names.pop();
    if (last === undefined) return this.message;
    return `check ${names.length > 0 ? `${names.join(', ')} and ` : ''}${last}: ${this.message}`;
  }
}

/** The setting of a refusal because of the time. */
export const RUNNER_CLOCK = "the runner's clock";

/** Variables of AWS that set the inputs of keys, by input. */
export const AWS_VARIABLES: Readonly<Record<string, string>> = {
  accessKey: 'AWS_ACCESS_KEY_ID',
  secretKey: 'AWS_SECRET_ACCESS_KEY',
  sessionToken: 'AWS_SESSION_TOKEN',
};

/** Error of a run without credentials and sources of them. Only unsigned requests remain, which a public bucket accepts. */
export class NoCredentialsError extends StoreRefusedError {
  override name = 'NoCredentialsError';
}

/** Error of a run to which GitHub gives no secrets, such as a pull request from a fork: it has no credentials by design. */
export class SecretlessRunError extends NoCredentialsError {
  override name = 'SecretlessRunError';
  constructor(message: string) {
    super(message, []);
  }
}

/** Error of a role that the step names and cannot assume: its token or the STS failed. */
export class RoleError extends StoreRefusedError {
  override name = 'RoleError';
}

/** Refusal by a policy of the store, which does not allow the run to assume its role, or to make this call with it. */
export class PolicyRefusedError extends StoreRefusedError {
  override name = 'PolicyRefusedError';
}

/** Refusal of a body that is too large for the server or a proxy in front of it (413). Smaller parts may pass. */
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

/** Error of an object that has been replaced or removed since it was found (412 on If-Match, or 404). */
export class ObjectReplacedError extends StoreError {
  override name = 'ObjectReplacedError';
}

/** Makes the error for an object that is not the one that was found before. */
export function objectReplaced(name: string, cause?: unknown): ObjectReplacedError {
  return new ObjectReplacedError(`${name} was replaced or removed meanwhile`, { cause });
}

/** Error of a read of an object that has just been found, and that returned 404. */
export class ObjectMissingError extends ObjectReplacedError {
  override name = 'ObjectMissingError';
}

/** Error of a name of which an object is stored already. */
export class ObjectExistsError extends StoreError {
  override name = 'ObjectExistsError';
}

/** Error of a server that does not copy parts of objects, or fails to. */
export class CopyRefusedError extends StoreError {
  override name = 'CopyRefusedError';
}

/** Error of a name that does not fit the store (S3: 1024 bytes of UTF-8). */
export class NameTooLongError extends StoreError {
  override name = 'NameTooLongError';
}
