import { expect, it } from 'vitest';
import { mainOf, postOf, warningsOf } from '../support/runner/results.ts';
import { cacheSteps } from './support/actions-cache.ts';
import { describeWithGateway, useLab } from './support/lab.ts';

/** The contract of actions/cache 5 for keys, with messages word for word, by the built action. */

const lab = useLab();
const { cache, restore, save } = cacheSteps(lab);

describeWithGateway('actions/cache: keys', () => {
  it('an exact match is preferred to a newer key with the same prefix', async () => {
    await save('path: deps, key: col-1');
    await save('path: deps, key: col-10');
    const { outputs } = mainOf(await restore('path: deps, key: col-1'), 'cache');
    expect(outputs).toMatchObject({ 'cache-hit': 'true', 'cache-matched-key': 'col-1' });
  });

  it('the primary key matches as a prefix, which is not an exact hit', async () => {
    await save('path: deps, key: col-10');
    const { outputs } = mainOf(await restore('path: deps, key: col-1'), 'cache');
    expect(outputs).toMatchObject({ 'cache-hit': 'false', 'cache-matched-key': 'col-10' });
  });

  it('keys that differ in case do not match', async () => {
    await save('path: deps, key: KEY');
    expect(mainOf(await restore('path: deps, key: key'), 'cache').outputs['cache-hit']).toBeUndefined();
  });

  it('restore-keys are tried in their order, and the newest match of one is restored', async () => {
    for (const key of ['b-1', 'b-2', 'a-1']) await save(`path: deps, key: ${key}`);
    const result = await restore('path: deps, key: c-1, restore-keys: "x-\\nb-\\na-"');
    expect(mainOf(result, 'cache').outputs['cache-matched-key']).toBe('b-2');
  });

  it('a key may hold any character but a comma', async () => {
    const key = 'a b#c?d/ü../..\\%2F+:*"\'';
    const quoted = JSON.stringify(key);
    expect(postOf(await cache(`path: deps, key: ${quoted}`), 'cache').log).toContain(
      `Cache saved with key: ${key}`,
    );
    const { outputs } = mainOf(await restore(`path: deps, key: ${quoted}`), 'cache');
    expect(outputs).toMatchObject({ 'cache-hit': 'true', 'cache-matched-key': key });
    // No object is outside the prefix
    expect(await lab.objects()).toHaveLength(1);
  });

  it('a key may have 512 UTF-16 units', async () => {
    const key = 'k'.repeat(512);
    await save(`path: deps, key: ${key}`);
    expect(mainOf(await restore(`path: deps, key: ${key}`), 'cache').outputs['cache-hit']).toBe('true');
  });

  it('a step may have ten keys', async () => {
    const nine = Array.from({ length: 9 }, (_, index) => `r${index}-`).join('\\n');
    expect((await restore(`path: deps, key: k, restore-keys: "${nine}"`)).conclusion).toBe('success');
  });

  it.each([
    ['a comma', 'key: "a,b"', "Input 'key' has the key 'a,b', but a key cannot contain a comma."],
    [
      '513 units',
      `key: ${'k'.repeat(513)}`,
      `Input 'key' has a key of 513 characters ('${'k'.repeat(40)}...'), but at most 512 are allowed.`,
    ],
    [
      'eleven keys',
      `key: k, restore-keys: "${Array.from({ length: 10 }, (_, index) => `r${index}`).join('\\n')}"`,
      "Input 'restore-keys' has 10 lines, but at most 9 are allowed.",
    ],
  ])('restore/ fails when keys break a rule: %s', async (_, inputs, message) => {
    const result = await restore(`path: deps, ${inputs}`);
    expect(result.conclusion).toBe('failure');
    expect(mainOf(result, 'cache').annotations).toEqual([{ level: 'error', message }]);
  });

  it.each([
    ['a comma', 'key: "a,b"'],
    ['513 units', `key: ${'k'.repeat(513)}`],
  ])('save/ warns and succeeds when keys break a rule: %s', async (_, inputs) => {
    const result = await save(`path: deps, ${inputs}`);
    expect(result.conclusion).toBe('success');
    expect(warningsOf(result)).toEqual([expect.stringMatching(/^Cache not saved: Input 'key' has /)]);
    expect(await lab.objects()).toEqual([]);
  });
});
