import path from 'node:path';
import { expect, it } from 'vitest';
import { giveAway } from '../../support/drop-privileges.ts';
import { startGatewayProxy } from '../../support/gateway/shared-gateway.ts';
import { incompressible } from '../../support/random.ts';
import { closingFields, mainOf, postOf, warningsOf } from '../../support/runner/results.ts';
import type { Fault, ProxiedRequest } from '../../support/servers/fault-proxy.ts';
import { buildTree, describeTree } from '../../support/tree.ts';
import { describeWithGateway, useLab } from '../support/lab.ts';
import { runRecipe } from '../support/recipe.ts';

const lab = useLab();
const tools = { make: 'mkdir -p build; test -e build/out || cp ../prepared/out build/out' };

/** Returns a rule that breaks the first request of each listed operation. */
function stumbling(faults: Readonly<Record<string, Fault>>) {
  const left = new Map(Object.entries(faults));
  return ({ operation }: ProxiedRequest): Fault | undefined => {
    const fault = left.get(operation);
    left.delete(operation);
    return fault;
  };
}

describeWithGateway('recipe: a gateway with short faults', () => {
  it('each call is retried on its own, so that nothing is packed, sent or restored twice', async () => {
    const { workspace } = lab.machine;
    // Three parts, one of which is sent again
    await buildTree(path.join(path.dirname(workspace), 'prepared'), { out: incompressible(20_000_000) });
    await using proxy = await startGatewayProxy();
    proxy.rule = stumbling({
      GetObject: { kind: 'answer', status: 503 },
      ListObjectsV2: { kind: 'reset', served: false },
      HeadObject: { kind: 'answer', status: 500 },
      CreateMultipartUpload: { kind: 'answer', status: 429 },
      UploadPart: { kind: 'cut-upload', afterBytes: 1_000_000 },
      // The upload is completed, but the response is lost: the visible object is this save's own
      CompleteMultipartUpload: { kind: 'reset', served: true },
    });
    const first = await runRecipe(lab, 'flaky-gateway', { tools, endpoint: proxy.endpoint });
    expect(first.conclusion).toBe('success');
    expect(warningsOf(first)).toEqual([]);
    expect(closingFields(postOf(first, 'cache'))).toMatchObject({ source: 's3', result: 'saved' });
    const count = (operation: string) => proxy.operations.filter(one => one === operation).length;
    expect(count('CreateMultipartUpload')).toBe(2);
    expect(count('UploadPart')).toBe(4);
    expect(await lab.objects()).toHaveLength(1);
    expect(await lab.bucket.uploads(lab.prefix)).toEqual([]);

    const machine = await lab.newMachine();
    await giveAway(machine.workspace);
    const before = proxy.requests.length;
    proxy.rule = (request: ProxiedRequest) =>
      request.index === before + 1 ? { kind: 'cut', afterBytes: 3_000_000 } : undefined;
    const second = await runRecipe(lab, 'flaky-gateway', { machine, tools, endpoint: proxy.endpoint });
    expect(second.conclusion).toBe('success');
    expect(warningsOf(second)).toEqual([]);
    expect(closingFields(mainOf(second, 'cache'))).toMatchObject({ result: 'hit', retries: '1' });
    expect(await describeTree(path.join(machine.workspace, 'build'))).toEqual(
      await describeTree(path.join(workspace, 'build')),
    );
    // The next request of a body that was cut after its 200 begins at the missing byte
    const ranges = proxy.requests.slice(before).map(({ range = '' }) => range);
    const [start, end] = bounds(ranges[1]);
    const rest = ranges.map(bounds).find(([from, to]) => to === end && from > start);
    expect(rest?.[0]).toBeGreaterThan(start);
  });

  it('a job succeeds without a cache when the gateway responds with 503 to every request', async () => {
    await buildTree(path.join(path.dirname(lab.machine.workspace), 'prepared'), { out: 'a' });
    await using proxy = await startGatewayProxy();
    proxy.rule = () => ({ kind: 'answer', status: 503 });
    const result = await runRecipe(lab, 'flaky-gateway', { tools, endpoint: proxy.endpoint });
    expect(result.conclusion).toBe('success');
    expect(mainOf(result, 'build').outcome).toBe('success');
    // Five attempts of the restore, and one of the save, because the bucket was down
    expect(proxy.operations.filter(operation => operation === 'GetObject')).toHaveLength(5);
    expect(proxy.operations.filter(operation => operation === 'HeadObject')).toHaveLength(1);
    expect(mainOf(result, 'cache').warnings).toHaveLength(1);
    expect(postOf(result, 'cache').warnings).toHaveLength(1);
  });
});

/** Returns the first and the last byte of `bytes=1-2`. */
function bounds(range = ''): [number, number] {
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
  return [Number(start), Number(end)];
}
