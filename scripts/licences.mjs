// Collects the licences of bundled packages.

import * as fs from 'node:fs/promises';
import path from 'node:path';

/**
 * Returns the licences of the packages that hold these modules (paths), each with the names of its packages. Throws when
 * a package names no licence.
 */
export async function licencesOf(modules) {
  const directories = new Set(modules.flatMap(id => packageDirectory(id) ?? []));
  const namesOf = new Map();
  for (const directory of [...directories].sort()) {
    const { name, licence } = await readLicence(directory);
    namesOf.set(licence, new Set(namesOf.get(licence)).add(name));
  }
  return [...namesOf].map(([licence, names]) => `${[...names].join(', ')}\n${licence}`).join('\n');
}

function packageDirectory(id) {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id.replaceAll('\\', '/'))?.[0];
}

async function readLicence(directory) {
  const { name, license } = JSON.parse(await fs.readFile(path.join(directory, 'package.json'), 'utf8'));
  if (!license)
    throw new Error(`${directory}/package.json names no licence, so the package cannot be bundled.`);
  const files = (await fs.readdir(directory))
    .filter(file => /^(?:licen[cs]e|notice|copying)/i.test(file))
    .sort();
  const texts = await Promise.all(files.map(file => fs.readFile(path.join(directory, file), 'utf8')));
  return { name, licence: [license, ...texts].join('\n') };
}
