import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { sentenceOf } from '../../../src/command/failure.ts';
import type { Invocation } from '../../../src/command/invocation.ts';
import { getCache } from '../../../src/command/subcommands/get.ts';
import { showCache } from '../../../src/command/subcommands/show.ts';
import { CacheJob } from '../../storage/incremental/job.ts';
import { putObject } from '../../support/put-object.ts';
import { scratch } from '../../support/scratch.ts';
import { places } from '../places.ts';
import { invoke } from '../support.ts';

test.each(places)(
  'show and get name a key that no cache of %s has, and an object that is no archive',
  async (_, place) => {
    const { store } = await place();
    const job = new CacheJob({ store, directory: scratch(), prefix: 'cache-s3' });
    const name = job.objectName('broken');
    await putObject(store, name, Buffer.alloc(3000, 'x'));
    const target = path.join(scratch(), 'target');
    for (const subcommand of [
      (own: Invocation, key: string) => showCache(own, { files: 1 }, key),
      (own: Invocation, key: string) => getCache(own, {}, key, target),
    ]) {
      const none = await invoke(store, own => subcommand(own, 'none'), { json: true });
      expect(none.out).toBe('');
      expect(sentenceOf(none.error)).toMatch(
        /^No cache below cache-s3\/ in the store has the key 'none': .*\.$/,
      );
      for (const wanted of ['broken', name]) {
        const broken = await invoke(store, own => subcommand(own, wanted), { json: true });
        expect(broken.out).toBe('');
        expect(sentenceOf(broken.error)).toMatch(
          /^The object cache-s3\/v1\/.*\.tar\.zst is damaged: .*seek table\.$/,
        );
      }
    }
    expect(existsSync(target)).toBe(false);
  },
);
