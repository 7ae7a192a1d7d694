import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ObjectReplacedError } from '../../../../src/storage/store-errors.ts';
import { putObject } from '../../../support/put-object.ts';
import { type Fault, firstTimes } from '../../../support/servers/fault-proxy.ts';
import { MiB } from '../../../support/sizes.ts';
import { content, faultyBucket } from '../faulty-bucket.ts';

const faulty = faultyBucket('get');

describe('a read', () => {
  const half: Fault = { kind: 'cut', afterBytes: 5_000_000 };

  test.each<[string, Fault]>([
    ['cut', half],
    ['stalled', { kind: 'stall', afterBytes: 5_000_000 }],
  ])('that is %s continues from its last byte', async (_, fault) => {
    faulty.proxy.rule = firstTimes(1, 'GetObject', fault);
    const answer = await faulty.proxied().getRange('object', { start: 1000, end: content.length });
    expect(Buffer.compare(answer?.bytes ?? Buffer.of(), content.subarray(1000))).toBe(0);
    const [first, second] = faulty.proxy.requests;
    expect(first?.range).toBe(`bytes=1000-${content.length - 1}`);
    const from = Number(/^bytes=(\d+)-/.exec(second?.range ?? '')?.[1]);
    expect(from).toBeGreaterThan(1000);
    expect(from).toBeLessThanOrEqual(1000 + 5_000_000);
  });

  test('whose body breaks off without a byte is repeated', async () => {
    faulty.proxy.rule = firstTimes(2, 'GetObject', { kind: 'cut', afterBytes: 0 });
    const answer = await faulty.proxied().getRange('object', { suffix: 100 });
    expect(Buffer.from(answer?.bytes ?? [])).toEqual(content.subarray(-100));
    expect(faulty.proxy.requests).toHaveLength(3);
  });

  test('that breaks off repeatedly goes on as long as it makes progress', async () => {
    // Not `cut`: a reset can lose all that a busy client has not read yet
    faulty.proxy.rule = () => ({ kind: 'truncate', afterBytes: 1_500_000 });
    const store = faulty.proxied(3);
    const answer = await store.getRange('object', { start: 0, end: content.length });
    expect(Buffer.compare(answer?.bytes ?? Buffer.of(), content)).toBe(0);
    expect(store.counters.retries).toBeGreaterThan(2);
  });

  test('whose object is replaced between two attempts throws ObjectReplacedError', async () => {
    const write = async () => {
      await putObject(faulty.direct(), 'changing', randomBytes(12 * MiB), { partSizeBytes: 16 * MiB });
    };
    await write();
    faulty.proxy.rule = firstTimes(1, 'GetObject', half);
    const reading = faulty
      .proxied()
      .getRange('changing', { start: 0, end: 12 * MiB }, { onBytes: once => void once });
    await expect.poll(() => faulty.proxy.requests.length, { timeout: 20_000 }).toBe(1);
    await write();
    await expect(reading).rejects.toThrow(ObjectReplacedError);
  });

  test('ends at once with the reason of its signal', async () => {
    faulty.proxy.rule = () => ({ kind: 'stall', afterBytes: 1000 });
    const controller = new AbortController();
    const reading = faulty
      .proxied()
      .getRange(
        'object',
        { suffix: 1_000_000 },
        { signal: controller.signal, onBytes: () => controller.abort(new Error('cancelled')) },
      );
    await expect(reading).rejects.toThrow('cancelled');
    expect(faulty.proxy.requests).toHaveLength(1);
  });
});
