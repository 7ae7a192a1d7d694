import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  type MultipartUpload,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import type { BucketAccess, GatewayInfo } from './gateway.ts';

/** The part of a gateway that a client needs. */
export type GatewayAddress = Pick<GatewayInfo, 'endpoint' | 'region'>;
export interface UserKeys extends Pick<BucketAccess, 'accessKey' | 'secretKey'> {
  /** Of the temporary keys of a role. */
  readonly sessionToken?: string;
}

/** Creates a client of the SDK. The caller destroys it. */
export function s3Client(
  { endpoint, region }: GatewayAddress,
  { accessKey, secretKey, sessionToken }: UserKeys,
): S3Client {
  return new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: {
      accessKeyId: accessKey,
      secretAccessKey: secretKey,
      ...(sessionToken && { sessionToken }),
    },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // A gateway that no longer responds must not hang the tests
    requestHandler: { requestTimeout: 60_000, throwOnRequestTimeout: true },
  });
}

/** A bucket as its owner sees it, with another client than the action's. */
export class Bucket {
  readonly access: BucketAccess;
  readonly #gateway: GatewayAddress;
  readonly #client: S3Client;

  constructor(gateway: GatewayAddress, access: BucketAccess) {
    this.access = access;
    this.#gateway = gateway;
    this.#client = s3Client(gateway, access);
  }

  /** Creates a bucket with a name of its own. */
  static async create(gateway: GatewayAddress & UserKeys, prefix: string): Promise<Bucket> {
    const { accessKey, secretKey } = gateway;
    const name = `${prefix}-${randomBytes(6).toString('hex')}`;
    const bucket = new Bucket(gateway, { bucket: name, accessKey, secretKey });
    await bucket.create();
    return bucket;
  }

  get name(): string {
    return this.access.bucket;
  }

  /** The inputs with which a step uses this bucket. */
  get inputs(): Record<'endpoint' | 'region' | 'bucket' | 'accessKey' | 'secretKey', string> {
    const { endpoint, region } = this.#gateway;
    return { endpoint, region, ...this.access };
  }

  /** Creates the bucket; one that its user owns already is kept. `ACL`: the rights of all users. */
  async create(access: { readonly ACL?: 'public-read-write' } = {}): Promise<void> {
    await this.#client.send(new CreateBucketCommand({ Bucket: this.name, ...access }));
  }

  /** Returns the names of the visible objects, in byte order. */
  async objects(prefix = ''): Promise<string[]> {
    const names: string[] = [];
    const pages = paginateListObjectsV2({ client: this.#client }, { Bucket: this.name, Prefix: prefix });
    for await (const { Contents = [] } of pages) names.push(...Contents.map(({ Key = '' }) => Key));
    return names;
  }

  /** Returns the names of the objects that have an unfinished multipart upload. */
  async uploads(prefix = ''): Promise<string[]> {
    return (await this.#listUploads(prefix)).map(({ Key = '' }) => Key);
  }

  /** Begins a multipart upload and leaves it unfinished. Returns its id. */
  async beginUpload(name: string): Promise<string> {
    const command = new CreateMultipartUploadCommand({ Bucket: this.name, Key: name });
    return (await this.#client.send(command)).UploadId!;
  }

  async put(name: string, content: Uint8Array): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: this.name, Key: name, Body: content }));
  }

  async read(name: string): Promise<Buffer> {
    const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.name, Key: name }));
    return Buffer.from(await Body!.transformToByteArray());
  }

  /** Reads an object that may be larger than memory. */
  async stream(name: string): Promise<AsyncIterable<Uint8Array>> {
    const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.name, Key: name }));
    return Body as unknown as AsyncIterable<Uint8Array>;
  }

  async delete(names: readonly string[]): Promise<void> {
    for (let index = 0; index < names.length; index += 1000) {
      const Objects = names.slice(index, index + 1000).map(Key => ({ Key }));
      const Delete = { Objects, Quiet: true };
      const { Errors = [] } = await this.#client.send(
        new DeleteObjectsCommand({ Bucket: this.name, Delete }),
      );
      if (Errors.length > 0) throw new Error(`${Errors[0]?.Key} was not deleted: ${Errors[0]?.Message}`);
    }
  }

  /** Aborts all unfinished uploads while their writers are at work, as a lifecycle rule does. */
  async abortUploads(): Promise<void> {
    for (const { Key, UploadId } of await this.#listUploads('')) {
      await this.#client.send(new AbortMultipartUploadCommand({ Bucket: this.name, Key, UploadId }));
    }
  }

  async #listUploads(prefix: string): Promise<MultipartUpload[]> {
    const { Uploads = [] } = await this.#client.send(
      new ListMultipartUploadsCommand({ Bucket: this.name, Prefix: prefix }),
    );
    return Uploads;
  }

  close(): void {
    this.#client.destroy();
  }
}
