import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import { BenchError } from '../bench-error.ts';
import { type Knob, splitAt } from './knobs.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** The inputs of a build. */
const sources = ['src', 'scripts', 'package.json', 'tsconfig.json'];

/**
 * Builds the action with one constant changed, in a copy of the checkout below `scratch`.
 * @returns the directory of the build.
 * @throws BenchError when the sources have no such constant.
 */
export async function buildVariant(scratch: string, knob: Knob, value: string): Promise<string> {
  const checkout = await fs.mkdtemp(path.join(scratch, `${knob.name}-`));
  for (const name of sources) {
    await fs.cp(path.join(root, name), path.join(checkout, name), { recursive: true });
  }
  await fs.symlink(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'));
  const file = path.join(checkout, knob.file);
  const found = splitAt(await fs.readFile(file, 'utf8'), knob.constant);
  if (found === undefined) throw new BenchError(`${knob.file} has no constant ${knob.constant}.`);
  await fs.writeFile(file, `${found[0]}${value}${found[2]}`);
  execFileSync(process.execPath, [path.join(checkout, 'scripts/build.mjs')], { stdio: 'ignore' });
  return path.join(checkout, 'dist');
}

/** Returns the default of a knob in the sources. */
export async function defaultOf(knob: Knob): Promise<string> {
  const found = splitAt(await fs.readFile(path.join(root, knob.file), 'utf8'), knob.constant);
  if (found === undefined) throw new BenchError(`${knob.file} has no constant ${knob.constant}.`);
  return found[1];
}
