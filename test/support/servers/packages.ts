import { spawnSync } from 'node:child_process';

/** The server could not be started; the message is the reason, in one line. */
export class ServerUnavailableError extends Error {
  override readonly name = 'ServerUnavailableError';
}

/**
 * Installs Debian's packages unless the program is there. Only as root, and never a service: the tests start their own.
 * @throws ServerUnavailableError with the reason.
 */
export function needPackages(program: string, packages: readonly string[]): void {
  if (has(program)) return;
  if (process.getuid?.() !== 0 || !has('apt-get')) {
    throw new ServerUnavailableError(
      `${program} is not installed; as root: apt-get install ${packages.join(' ')}`,
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const install = () =>
    spawnSync('apt-get', ['-qq', '-y', 'install', '--no-install-recommends', ...packages], {
      env,
      timeout: 300_000,
    });
  if (install().status !== 0) {
    spawnSync('apt-get', ['-qq', 'update'], { env, timeout: 300_000 });
    install();
  }
  if (!has(program)) throw new ServerUnavailableError(`apt-get cannot install ${packages.join(' ')}`);
}

function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`], { env: searchPath() }).status === 0;
}

/** The environment with the directories of servers, which an ordinary user's PATH may not have. */
export function searchPath(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
}

/**
 * Starts a server. Where it cannot be started, logs the reason and returns undefined, so that its tests are skipped; with
 * CI=true that is an error.
 */
export async function startIfPossible<T>(start: () => Promise<T> | T): Promise<T | undefined> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof ServerUnavailableError) || process.env.CI === 'true') throw error;
    console.log(`skipped: ${error.message}`);
    return undefined;
  }
}
