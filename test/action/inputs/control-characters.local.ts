import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { anyNames, requires } from '../../support/platform-needs.ts';
import { at, phase, stored, usePhases } from '../step/phase-process.ts';

usePhases();

/** Characters that a terminal or the runner may act on, apart from the ends of lines. */
const CONTROLS = /[^\P{Cc}\n\r]|[\u2028\u2029\u202e]/u;
/** Workflow commands that the action itself does not print in these tests. */
const FOREIGN_COMMAND = /^::(?:error|set-output|add-path|stop-commands)/m;

const key = 'k\n::error::x\r\u001b[2J\u0085\u2028\u202e\t##[error]y';

describe('inputs with control characters', requires(anyNames), () => {
  test('a key of several lines is saved, and restored by the same key', async () => {
    const saved = await phase('save-only', { inputs: { key } });
    expect(stored()).toHaveLength(1);
    const restored = await phase('main', {
      workspace: 'two',
      inputs: { key, 'restore-keys': 'k\u001b\n::x' },
    });
    expect(readFileSync(at('two/deps/a.txt'), 'utf8')).toBe('first');
    const post = await phase('post', { workspace: 'two', inputs: { key: 'other' }, state: restored.state });
    expect(post.log).toContain('Cache hit occurred on the primary key k\\n');
    for (const { log, code } of [saved, restored, post]) {
      expect(log).not.toMatch(CONTROLS);
      expect(log).not.toMatch(FOREIGN_COMMAND);
      expect(log).not.toContain('##[error]');
      expect(code).toBe(0);
    }
    expect(restored.outputs).toMatchObject({ 'cache-hit': 'true', 'cache-source': 'directory' });
    expect(Object.values(restored.outputs).join('')).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    expect(Object.values(restored.state).join('')).not.toMatch(/[\0-\x1f]/);
  });

  test('a path with control characters is saved and restored', async () => {
    const name = 'a\u001b]0;t\u0007\tb';
    mkdirSync(at('one', name));
    writeFileSync(at('one', name, 'f'), 'content');
    await phase('save-only', { inputs: { path: name } });
    const { log } = await phase('restore-only', { workspace: 'two', inputs: { path: name } });
    expect(readFileSync(at('two', name, 'f'), 'utf8')).toBe('content');
    expect(log).not.toMatch(CONTROLS);
  });

  test('a path with control characters that does not exist is named in one line', async () => {
    rmSync(at('one/deps'), { recursive: true });
    const { log } = await phase('save-only', { inputs: { path: 'x\u001b[1m\n::error::y\n##[error]z' } });
    expect(log).toContain("nothing to save exists at the paths 'x\\x1b[1m', '::error::y'");
    expect(log).not.toMatch(CONTROLS);
    expect(log).not.toMatch(FOREIGN_COMMAND);
  });

  test.each([
    ['port', '80\n::add-path::/evil'],
    ['scope', 'ref\u001b[2J\r::stop-commands::x'],
    ['bucket', 'b\n::error::x'],
  ])('a bad %s with a command in it is refused in one line', async (name, value) => {
    const { log, code } = await phase('restore-only', { inputs: { [name]: value } });
    expect(code).toBe(1);
    expect(log.trimEnd().split('\n')).toHaveLength(1);
    expect(log).toMatch(new RegExp(`^::error::Input '${name}' is '`));
    expect(log).not.toMatch(CONTROLS);
  });
});
