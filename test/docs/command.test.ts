import { expect, test } from 'vitest';
import { environmentVariables } from '../../src/action/inputs/read-input.ts';
import { createProgram } from '../../src/command/program.ts';
import { SETTING_OPTIONS } from '../../src/command/settings.ts';
import { read } from './documents.ts';

const text = read('docs/command.md');
const { commands } = createProgram({}, new AbortController().signal);

/** Options that a section need not name: `policy` refers to its help. */
const IN_HELP = new Set(['policy']);

function section(name: string): string {
  const heading = new RegExp(`^## (?:.* and )?${name}(?: and .*)?$`, 'm').exec(text);
  expect(heading, `docs/command.md has no section for ${name}`).not.toBeNull();
  return text.slice(heading!.index).split(/\n## /)[0]!;
}

test.each(commands.map(command => [command.name(), command] as const))(
  'docs/command.md has a section for cache-s3 %s, in the table too, and names its options',
  (name, command) => {
    expect(text).toMatch(new RegExp(`^\\|.*\\[\`${name}\`\\]\\(#`, 'm'));
    const described = `${section(name)}${section('list')}`;
    if (IN_HELP.has(name)) return;
    for (const { long } of command.options) expect(described).toContain(long);
  },
);

test.each(Object.keys(SETTING_OPTIONS))('docs/command.md names the option and variable of %s', input => {
  expect(text).toContain(`--${input}\``);
  expect(text).toContain(environmentVariables(input)[0]);
});
