import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Host, restoreRight, startHost } from './host.ts';

const MB = 1e6;
let host: Host;
beforeEach(async () => {
  host = await startHost();
});
afterEach(() => host.close());

describe('a restore with a disk cache', () => {
  test('stores the frames, and the next one fetches only the end of the object', async () => {
    const first = await restoreRight(host.job(), host.tree);
    expect(first.bucket).toBeGreaterThan(15 * MB);
    expect(first.disk).toBe(0);
    expect(host.files()).toHaveLength(5);
    expect(host.files().every(name => /^[0-9a-f]{64}$/.test(name))).toBe(true);
    host.server.operations.length = 0;
    const second = await restoreRight(host.job(), host.tree);
    expect(second.bucket).toBeLessThan(0.3 * MB);
    expect(second.disk).toBeGreaterThan(15 * MB);
    expect(host.server.operations).toEqual(['GetObject']);
  });
});
