import { ORDERED_SUFFIXES } from '../../cache/keys/trial-names.ts';
import { StoreRefusedError } from '../../storage/store-errors.ts';
import { sentenceOf } from '../failure.ts';
import { allow, objectsArn } from './explain.ts';
import { makeCheck } from './finding.ts';
import { checkEtag, checkForeignReads, checkReads, TRIAL_CONTENT } from './read-checks.ts';
import type { Trial } from './trial.ts';

/**
 * Tries the calls for single objects: store, describe, read in ranges, the conditions, the order of a listing, markers.
 * Returns whether objects can be stored.
 */
export async function checkObjects(trial: Trial, canList: boolean): Promise<boolean> {
  const { bucket, prefixes, root, report } = trial;
  let etag: string | undefined;
  const store = async () => {
    etag = await putTrial(trial, root);
    return 's3:PutObject';
  };
  const isStored = await makeCheck(report, 'put', store, {
    result: 'failed',
    meaning: 'jobs with these credentials cannot save; those that only restore work.',
    fix: allow('s3:PutObject', objectsArn(bucket, prefixes.caches)),
  });
  if (!isStored) {
    await checkForeignReads(trial, canList);
    return false;
  }
  checkEtag(trial, etag);
  await checkReads(trial, root, etag);
  await checkConditions(trial, root);
  if (canList) await checkOrder(trial);
  await checkMarker(trial);
  return true;
}

/** Stores an object of the trial. Returns its ETag. */
async function putTrial(trial: Trial, name: string): Promise<string | undefined> {
  const { stored } = trial;
  stored.add(name);
  try {
    return await put(trial, name);
  } catch (error) {
    // After any other failure it may exist
    if (error instanceof StoreRefusedError) stored.delete(name);
    throw error;
  }
}

async function put(trial: Trial, Key: string, condition?: '*'): Promise<string | undefined> {
  const { sdk, bucket: Bucket, send } = trial;
  const content = { Body: TRIAL_CONTENT, ContentLength: TRIAL_CONTENT.length };
  const input = { Bucket, Key, ...content, ...(condition && { IfNoneMatch: condition }) };
  return (await send('PutObject', new sdk.PutObjectCommand(input))).ETag;
}

async function checkConditions(trial: Trial, name: string): Promise<void> {
  const limited = {
    result: 'limited',
    meaning: 'of two jobs that save one key at the same moment, the last one wins, with a whole cache.',
    fix: 'nothing has to be changed; a newer server or a bucket without versions may obey the condition.',
  } as const;
  const replace = async () => {
    try {
      await put(trial, name, '*');
      return { ...limited, found: 'If-None-Match was ignored.' };
    } catch (error) {
      const { cause } = error as Error;
      if (trial.isStatus(cause, 409, 412)) return 'an object is not replaced';
      if (trial.isStatus(cause, 400, 501)) return { ...limited, found: sentenceOf(error) };
      throw error;
    }
  };
  await makeCheck(trial.report, 'conditions', replace, {
    result: 'failed',
    meaning: 'jobs cannot save caches until this is fixed.',
    fix: "allow conditional writes (If-None-Match) in the policy, or find the failure in the server's log.",
  });
}

async function checkOrder(trial: Trial): Promise<void> {
  const { sdk, bucket, root, send, report } = trial;
  const limited = {
    result: 'limited',
    meaning: 'jobs work, but this command cannot list, verify, delete or prune caches.',
    fix: 'use a server that lists in byte order, as S3 does (no directory bucket of AWS).',
  } as const;
  const list = async () => {
    // In byte order, unlike in a dictionary, B precedes a
    for (const suffix of ORDERED_SUFFIXES) await putTrial(trial, `${root}${suffix}`);
    const command = new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: `${root}/` });
    const { Contents = [] } = await send('ListObjectsV2', command);
    const listed = Contents.map(({ Key = '' }) => Key.slice(root.length)).join(' ');
    const expected = ORDERED_SUFFIXES.join(' ');
    return listed === expected ? 'byte order' : { ...limited, found: `${listed} in place of ${expected}` };
  };
  await makeCheck(report, 'listing order', list, limited);
}

async function checkMarker(trial: Trial): Promise<void> {
  const { bucket, prefixes, root, report } = trial;
  const note = async () => {
    await putTrial(trial, `${prefixes.markers}${root.slice(prefixes.caches.length)}`);
    return 'the last use of caches can be noted';
  };
  await makeCheck(report, 'markers', note, {
    result: 'limited',
    meaning: 'the last use of caches is not noted, so prune uses only their age.',
    fix: allow('s3:PutObject and s3:GetObject', objectsArn(bucket, prefixes.markers)),
  });
}

/** Deletes the objects of the trial, also after an interrupt. */
export async function checkDelete(trial: Trial): Promise<void> {
  const { sdk, bucket, prefixes, stored, cleanUp, report } = trial;
  if (stored.size === 0) return;
  const names = [...stored];
  const remove = (Key: string) =>
    cleanUp('DeleteObject', new sdk.DeleteObjectCommand({ Bucket: bucket, Key }));
  const results = await Promise.allSettled(names.map(remove));
  // With suspended versions, the delete marker has the version `null` and replaces the object
  const keepsVersions = results.some(
    result => result.status === 'fulfilled' && result.value.DeleteMarker && result.value.VersionId !== 'null',
  );
  const remaining = names.filter((_, index) => results[index]?.status === 'rejected');
  const failure = results.find(result => result.status === 'rejected');
  if (failure === undefined && keepsVersions) {
    report({
      check: 'delete',
      result: 'limited',
      found: 'The bucket keeps versions, so a deletion frees no bytes.',
      meaning:
        'the bytes of deleted and replaced caches stay as old versions, which list, stats and prune do not count.',
      fix: 'add a lifecycle rule with NoncurrentVersionExpiration and ExpiredObjectDeleteMarker if there is none, or turn versions off.',
    });
    return;
  }
  if (failure === undefined) {
    report({ check: 'delete', result: 'ok', found: 's3:DeleteObject' });
    return;
  }
  const error: unknown = failure.reason;
  report({
    check: 'delete',
    result: error instanceof StoreRefusedError ? 'limited' : 'failed',
    found: sentenceOf(error),
    meaning: `prune and rm cannot delete caches; jobs do not need this right. Trial objects remain, which prune deletes after a day with other credentials: ${remaining.join(', ')}.`,
    fix: allow(
      's3:DeleteObject',
      `${objectsArn(bucket, prefixes.caches)} and ${objectsArn(bucket, prefixes.markers)}`,
    ),
  });
}
