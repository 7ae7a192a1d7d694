/** The calls of the store, each with phases of the action that reach it. */

import * as fs from 'node:fs/promises';
import path from 'node:path';
import { incompressible } from '../../support/random.ts';
import type { MemoryContent } from '../../support/servers/memory-store.ts';
import { MiB } from '../../support/sizes.ts';
import type { HostileResult, HostileScene } from './scene.ts';

/** Objects in the buckets at the beginning of a row. */
export interface Seeds {
  /** The archive of a small tree under the key `small`. */
  readonly small: MemoryContent;
  /** The archive of 12 MB in parts under the key `large-1`. */
  readonly large: MemoryContent;
}

export interface HostileCall {
  readonly name: string;
  readonly operation: string;
  /** The number of requests of the operation that are answered as usual. */
  readonly after?: number;
  readonly seed: keyof Seeds | 'empty';
  /** Further preparation of the bucket. */
  prepare?(content: MemoryContent): void;
  /** Operations that the bucket refuses, so that the call is reached. */
  readonly refused?: string;
  /** Runs the phases. Resolves to the one that meets the hostile answer. */
  run(scene: HostileScene): Promise<HostileResult>;
}

async function saveSmall(scene: HostileScene): Promise<HostileResult> {
  await writeSmall(scene);
  return scene.phase('save', { key: 'new' });
}

async function saveLarge(scene: HostileScene): Promise<HostileResult> {
  await writeLarge(scene);
  return scene.phase('save', { key: 'new', 'upload-chunk-size': String(5 * MiB) });
}

export async function writeSmall(scene: HostileScene): Promise<void> {
  await fs.mkdir(scene.tree, { recursive: true });
  await fs.writeFile(path.join(scene.tree, 'small.txt'), 'small');
}

export async function writeLarge(scene: HostileScene): Promise<void> {
  await writeSmall(scene);
  await fs.writeFile(path.join(scene.tree, 'large.bin'), incompressible(12 * MiB, 'hostile'));
}

export const hostileCalls: readonly HostileCall[] = [
  { name: 'HEAD', operation: 'HeadObject', seed: 'empty', run: saveSmall },
  {
    name: 'GET of the end',
    operation: 'GetObject',
    seed: 'small',
    run: scene => scene.phase('restore', { key: 'small' }),
  },
  {
    name: 'GET of data',
    operation: 'GetObject',
    after: 1,
    seed: 'large',
    run: scene => scene.phase('restore', { key: 'large-1' }),
  },
  {
    name: 'LIST',
    operation: 'ListObjectsV2',
    seed: 'small',
    run: scene => scene.phase('restore', { key: 'other', 'restore-keys': 'sm' }),
  },
  { name: 'PUT', operation: 'PutObject', seed: 'empty', run: saveSmall },
  { name: 'Create', operation: 'CreateMultipartUpload', seed: 'empty', run: saveLarge },
  { name: 'UploadPart', operation: 'UploadPart', seed: 'empty', run: saveLarge },
  { name: 'Complete', operation: 'CompleteMultipartUpload', seed: 'empty', run: saveLarge },
  { name: 'Abort', operation: 'AbortMultipartUpload', seed: 'empty', refused: 'UploadPart', run: saveLarge },
  {
    name: 'UploadPartCopy',
    operation: 'UploadPartCopy',
    seed: 'large',
    async run(scene) {
      const inputs = { key: 'large-2', 'restore-keys': 'large-' };
      const { state } = await scene.phase('main', inputs);
      await fs.writeFile(path.join(scene.tree, 'small.txt'), 'changed');
      return scene.phase('post', inputs, state);
    },
  },
  { name: 'LIST uploads', operation: 'ListMultipartUploads', seed: 'empty', run: saveSmall },
  {
    name: 'LIST parts',
    operation: 'ListParts',
    seed: 'small',
    prepare({ objects, uploads }) {
      const [saved] = objects;
      if (!saved) return;
      const [name, object] = saved;
      objects.set(name, { ...object, etag: `${object.etag}-2` });
      uploads.set('old', { name, initiated: new Date('2020-01-01'), metadata: {}, parts: new Map() });
    },
    run: saveSmall,
  },
  {
    name: 'STS',
    operation: 'AssumeRoleWithWebIdentity',
    seed: 'small',
    async run(scene) {
      const token = path.join(scene.root, 'token');
      await fs.writeFile(token, 'token');
      const env = {
        AWS_WEB_IDENTITY_TOKEN_FILE: token,
        AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/ci',
        AWS_ENDPOINT_URL_STS: scene.bucket.endpoint,
      };
      return scene.phase('restore', { key: 'small', accessKey: '', secretKey: '' }, {}, env);
    },
  },
];
