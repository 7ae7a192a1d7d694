import { homedir } from 'node:os';
import path from 'node:path';
import { readSmallFile } from '../../../archive/fs/small-file.ts';

/** Bound of each file in bytes. */
const MAX_BYTES = 1024 * 1024;

/** The settings of one profile by their names. */
export type Profile = Readonly<Record<string, string>>;

/** The configuration file and the credentials file of AWS, with their profiles by name. */
export type SharedFiles = ReturnType<typeof readSharedFiles>;

/**
 * Reads ~/.aws/config and ~/.aws/credentials, or the files that AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name. A file
 * that does not exist has no profiles. Settings of the credentials file take precedence.
 * @throws an Error if a file is not a regular one, is too long, or cannot be read.
 */
export function readSharedFiles(env: NodeJS.ProcessEnv) {
  const configFile = fileAt(env.AWS_CONFIG_FILE, 'config');
  const credentialsFile = fileAt(env.AWS_SHARED_CREDENTIALS_FILE, 'credentials');
  const profiles: Record<string, Profile> = Object.create(null);
  for (const [section, settings] of parseIni(readIfPresent(configFile))) {
    const profile = section === 'default' ? section : profileName(section);
    if (profile !== undefined) profiles[profile] = { ...profiles[profile], ...settings };
  }
  for (const [section, settings] of parseIni(readIfPresent(credentialsFile))) {
    profiles[section] = { ...profiles[section], ...settings };
  }
  return { configFile, credentialsFile, profiles };
}

function fileAt(named: string | undefined, name: string): string {
  const file = named || `~/.aws/${name}`;
  return file.startsWith('~/') ? path.join(homeDirectory(), file.slice(2)) : file;
}

/** Returns the home directory, or the root directory if there is none: it has none of the files. */
export function homeDirectory(): string {
  try {
    return homedir();
  } catch {
    return path.parse(process.cwd()).root;
  }
}

function readIfPresent(file: string): string {
  try {
    return readSmallFile(file, MAX_BYTES);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return '';
    throw new Error(`${path.basename(file)} cannot be read (${code})`, { cause: error });
  }
}

/** Returns the name in `[profile name]`. Returns undefined for another section of the configuration file. */
function profileName(section: string): string | undefined {
  return /^profile\s+(["']?)([^"']+)\1$/.exec(section)?.[2];
}

/** Parses the sections of a file. Skips indented settings: they belong to a subsection, which no profile needs here. */
function parseIni(text: string): [section: string, settings: Record<string, string>][] {
  const sections: [string, Record<string, string>][] = [];
  for (const line of text.split('\n')) {
    const trimmed = withoutComment(line).trim();
    if (trimmed.startsWith('[') && trimmed.endsWith(']')) {
      sections.push([trimmed.slice(1, -1).trim(), Object.create(null)]);
      continue;
    }
    const settings = sections.at(-1)?.[1];
    const equals = trimmed.indexOf('=');
    if (!settings || equals <= 0 || /^\s/.test(line)) continue;
    settings[trimmed.slice(0, equals).trim()] = trimmed.slice(equals + 1).trim();
  }
  return sections;
}

/** Removes a comment, which begins with # or ; at the beginning of the line or after white space. */
function withoutComment(line: string): string {
  const begin = /(?:^|\s)[#;]/.exec(line)?.index;
  return begin === undefined ? line : line.slice(0, begin);
}
