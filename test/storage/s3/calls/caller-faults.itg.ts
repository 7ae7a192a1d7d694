import { describe, expect, test } from 'vitest';
import { StoreRefusedError, StoreUnavailableError } from '../../../../src/storage/store-errors.ts';
import { ANY_NAME } from '../../../support/any-name.ts';
import type { Fault } from '../../../support/servers/fault-proxy.ts';
import { content, faultyBucket } from '../faulty-bucket.ts';

const faulty = faultyBucket('call-faults');

describe('a burst of', () => {
  test.each([429, 500, 502, 503])('%i is retried on every call', async status => {
    const once = new Set<string>();
    faulty.proxy.rule = ({ operation }) => {
      if (once.has(operation)) return undefined;
      once.add(operation);
      return { kind: 'answer', status };
    };
    const store = faulty.proxied();
    const name = `burst-${status}`;
    const upload = await faulty.begin(store, name);
    await upload.complete();
    for await (const info of store.list(name)) expect(info.sizeBytes).toBe(content.length);
    expect(await faulty.stored(name)).toBe(true);
    expect(await store.abortStale(name, 0, ANY_NAME)).toBe(0);
    expect(store.counters.retries).toBe(once.size);
  });

  test('503 without end opens the circuit, and no call follows', async () => {
    faulty.proxy.rule = () => ({ kind: 'answer', status: 503 });
    const store = faulty.proxied(2);
    await expect(store.head('object')).rejects.toThrow(StoreUnavailableError);
    expect(faulty.proxy.requests).toHaveLength(2);
    await expect(store.head('object')).rejects.toThrow(/503.*no further request was sent/);
    await expect(store.getRange('object', { suffix: 1 })).rejects.toThrow(StoreUnavailableError);
    expect(faulty.proxy.requests).toHaveLength(2);
  });

  test.each<[string, Fault]>([
    ['503', { kind: 'answer', status: 503 }],
    ['a reset', { kind: 'reset', served: false }],
  ])('%s ends an optional listing at once and does not open the circuit', async (_, fault) => {
    faulty.proxy.rule = request => (request.operation === 'ListObjectsV2' ? fault : undefined);
    const store = faulty.proxied();
    const listing = async () => {
      for await (const info of store.list('', { optional: true })) expect.unreachable(info.name);
    };
    await expect(listing()).rejects.toThrow(StoreUnavailableError);
    expect(faulty.proxy.requests).toHaveLength(1);
    expect(await store.head('object')).toBeDefined();
  });

  test.each([400, 404, 405])('%i is not retried', async status => {
    faulty.proxy.rule = request =>
      request.operation === 'ListObjectsV2' ? { kind: 'answer', status } : undefined;
    const listing = async () => {
      for await (const info of faulty.proxied().list('')) expect.unreachable(info.name);
    };
    await expect(listing()).rejects.toThrow(StoreRefusedError);
    expect(faulty.proxy.requests).toHaveLength(1);
  });
});
