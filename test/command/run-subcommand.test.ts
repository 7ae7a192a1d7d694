import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Invocation } from '../../src/command/invocation.ts';
import { runWithoutStore, runWithStore } from '../../src/command/run-subcommand.ts';
import { scratch } from '../support/scratch.ts';

let written: string;

beforeEach(() => {
  written = '';
  const write = (text: string | Uint8Array, ...rest: readonly unknown[]) => {
    written += text;
    // The end of a flush
    (rest.at(-1) as (() => void) | undefined)?.();
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(write as typeof process.stdout.write);
});

const { signal } = new AbortController();

/** Calls a subcommand as commander does: with its arguments, its own options, and the command with all options. */
const call = (run: (...given: unknown[]) => Promise<void>, options: object, ...args: unknown[]) =>
  run(...args, {}, { optsWithGlobals: () => options } as Command);

/** Makes the option of an endpoint that is a directory. */
const endpointOf = (root: string) => ({ endpoint: pathToFileURL(root).href });

test('a subcommand gets its arguments, its options and the store that the settings name', async () => {
  const root = scratch();
  const subcommand = vi.fn(async (_: Invocation, _options: object, _key: string, _target: string) => {});
  const env = { CACHE_S3_PREFIX: 'team/a', INPUT_PREFIX: 'of a step' };
  const options = { ...endpointOf(root), top: 3 };
  await call(runWithStore({ env, signal }, subcommand), options, 'key', 'target');
  const [invocation, given, ...args] = subcommand.mock.calls[0]!;
  expect(invocation).toMatchObject({ place: `directory ${path.resolve(root)}`, prefix: 'team/a', signal });
  expect(invocation.target).toMatchObject({ kind: 'directory' });
  expect(given).toBe(options);
  expect(args).toEqual(['key', 'target']);
});

test('the store of a subcommand that fails is closed, and its error is a document only with --json', async () => {
  for (const json of [false, true]) {
    const closed = vi.fn();
    const failing = async ({ store }: Invocation) => {
      vi.spyOn(store, 'close').mockImplementation(closed);
      throw new Error('connection refused');
    };
    const options = { ...endpointOf(scratch()), json };
    await expect(call(runWithStore({ env: {}, signal }, failing), options)).rejects.toThrow(
      'connection refused',
    );
    expect(closed).toHaveBeenCalledOnce();
    if (!json) expect(written).toBe('');
  }
  expect(JSON.parse(written)).toEqual({ error: 'Connection refused.' });
});

test('settings that name no store are an error before the subcommand, also as a document', async () => {
  const subcommand = vi.fn(async () => {});
  const running = call(runWithStore({ env: {}, signal }, subcommand), { json: true });
  await expect(running).rejects.toThrow('No bucket is set');
  expect(subcommand).not.toHaveBeenCalled();
  expect(JSON.parse(written).error).toMatch(/^No bucket is set: /);
});

test('an old Node.js is an error that names the needed one', async () => {
  const subcommand = vi.fn(async () => {});
  vi.spyOn(process, 'versions', 'get').mockReturnValue({ ...process.versions, node: '20.20.2' });
  const running = call(runWithoutStore({}, subcommand), {});
  await expect(running).rejects.toThrow('Node.js 24 or later is needed, not 20.20.2.');
  expect(subcommand).not.toHaveBeenCalled();
});

test('a subcommand that makes no request needs no settings of a store', async () => {
  const subcommand = vi.fn(async () => {});
  await call(runWithoutStore({ CACHE_S3_REGION: 'x', INPUT_BUCKET: 'y' }, subcommand), { bucket: 'z' });
  expect(subcommand).toHaveBeenCalledWith(
    { CACHE_S3_REGION: 'x', INPUT_BUCKET: 'z' },
    expect.objectContaining({ json: false }),
    { bucket: 'z' },
  );
});
