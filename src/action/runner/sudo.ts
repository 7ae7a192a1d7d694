import { type Environment, isOn } from '../inputs/read-input.ts';

/**
 * Runs the whole phase in a child process as root (input `sudo`). This process only passes on its environment, the output of
 * the child, and a cancellation.
 */

/** Variables of the step and the network, which the child gets. */
const KEPT =
  /^(?:INPUT_|GITHUB_|RUNNER_|ACTIONS_|AWS_|CACHE_S3_|STATE_|(?:HTTPS?_PROXY|NO_PROXY|ALL_PROXY|NODE_EXTRA_CA_CERTS)$)/i;
/** Variables for HOME and PATH, which sudo replaces in spite of --preserve-env (always_set_home, secure_path; 1.9.13, observed). */
const HOME = 'CACHE_S3_SUDO_HOME';
const PATH = 'CACHE_S3_SUDO_PATH';
/** The child's first line on stderr. Lines before it are sudo's. */
const STARTED = 'cache-s3: running as root\n';

/** Returns whether this phase must run in a child as root: `sudo` is set, and this is not that child, not root and not Windows. */
export function wantsSudo(env: Environment): boolean {
  const uid = process.geteuid?.() ?? 0;
  return uid !== 0 && env[HOME] === undefined && isOn(env, 'sudo');
}

/** Returns the command line of the child. */
export function sudoCommand(env: Environment, program: readonly string[]): readonly string[] {
  const kept = Object.keys(env).filter(name => KEPT.test(name));
  return ['sudo', '-n', `--preserve-env=${[...new Set([...kept, HOME, PATH])].join(',')}`, ...program];
}

/** Limit on the start of the child, in ms: sudo itself may wait for a directory server or a hardware token. */
const START_LIMIT_MS = 30_000;
/** Limit on sudo's own output, in UTF-16 units. */
const MAX_MESSAGE_LENGTH = 64 * 1024;

/**
 * Runs `program` as root, and passes on its output. Returns its exit status, or one clause, mostly from sudo itself, that explains
 * why it did not start. When `signal` is aborted, the child's stdin ends: an ordinary user cannot send signals to processes of root.
 */
export async function runAsRoot(
  program: readonly string[],
  env: Environment,
  signal: AbortSignal,
): Promise<number | string> {
  // The import is here because every run loads this file, and few runs start a child process
  const { spawn } = await import('node:child_process');
  const [file = '', ...args] = sudoCommand(env, program);
  const child = spawn(file, args, {
    env: { ...env, [HOME]: env.HOME ?? '', [PATH]: env.PATH ?? '' },
    stdio: ['pipe', 'inherit', 'pipe'],
  });
  // An error means that the child has ended, which `close` reports
  child.stdin.on('error', () => {});
  const cancel = () => child.stdin.end();
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });

  let isStarted = false;
  let message = '';
  const end = await new Promise<number | string>(resolve => {
    const refuse = (reason: string) => {
      child.kill('SIGKILL');
      resolve(reason);
    };
    const timer = setTimeout(refuse, START_LIMIT_MS, `it did not start within ${START_LIMIT_MS / 1000} s`);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (isStarted) {
        process.stderr.write(text);
        return;
      }
      message += text;
      const at = message.indexOf(STARTED);
      isStarted = at !== -1;
      if (isStarted) {
        clearTimeout(timer);
        process.stderr.write(message.slice(at + STARTED.length));
      } else if (message.length > MAX_MESSAGE_LENGTH) refuse(firstLine(message) ?? 'its output is too long');
    });
    child.on('error', error => resolve(error.message));
    child.on('close', (code, name) => {
      clearTimeout(timer);
      resolve(code ?? `ended by ${name}`);
    });
  });
  if (isStarted) return typeof end === 'number' ? end : 1;
  return typeof end === 'string' ? end : (firstLine(message) ?? `status ${end}`);
}

function firstLine(text: string): string | undefined {
  return text.trim().split('\n', 1)[0]?.slice(0, 300) || undefined;
}

/**
 * Sets the user's HOME and PATH in a child of `runAsRoot`, and calls `cancel` when its stdin ends. Does nothing in any other
 * process.
 */
export function becomeSudoChild(env: NodeJS.ProcessEnv, cancel: () => void): void {
  if (env[HOME] === undefined) return;
  env.HOME = env[HOME];
  env.PATH = env[PATH] ?? '';
  process.stderr.write(STARTED);
  process.stdin.on('end', cancel).on('error', cancel).resume();
}
