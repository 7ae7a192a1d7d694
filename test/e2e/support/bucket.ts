import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { type BucketAccess, gateway } from '../../support/gateway.ts';

/** What lies in a bucket, seen with a client of its own. */
export interface BucketView {
  /** Names of the whole objects whose names begin with `prefix`, in byte order. */
  objects(prefix?: string): Promise<readonly string[]>;
  /** Names of the objects that are being uploaded in parts. */
  uploads(prefix?: string): Promise<readonly string[]>;
  /** The bytes of an object. */
  read(name: string): Promise<Buffer>;
  close(): void;
}

export function viewBucket({ bucket, accessKey, secretKey }: BucketAccess): BucketView {
  const { endpoint, region } = gateway();
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  });
  return {
    async objects(prefix = '') {
      const { Contents = [] } = await client.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }),
      );
      return Contents.map(({ Key = '' }) => Key);
    },
    async uploads(prefix = '') {
      const { Uploads = [] } = await client.send(
        new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }),
      );
      return Uploads.map(({ Key = '' }) => Key);
    },
    async read(name) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: name }));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    },
    close: () => client.destroy(),
  };
}
