import { expect, test, vi } from 'vitest';
import { WorkerMemory } from '../../../../src/storage/s3/read/range-target.ts';
import type { TransportRequest } from '../../../../src/storage/s3/transport/transport.ts';

test('a worker gets no request for a range whose signal is already aborted', async () => {
  const fetch = vi.fn();
  const target = new WorkerMemory({ isWorkerBusy: () => false, fetch, run: vi.fn() });
  const signal = AbortSignal.abort(new Error('cancelled'));
  const sent = target.senderOf(() => {})({} as TransportRequest, { signal, connectMs: 1, idleTimeoutMs: 1 });
  await expect(sent).rejects.toThrow('cancelled');
  expect(fetch).not.toHaveBeenCalled();
});
