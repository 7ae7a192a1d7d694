import type { BackendOpener, OpenOptions } from '../../src/action/backend/open-backend.ts';
import type { Environment } from '../../src/action/inputs/read-input.ts';
import type { Target } from '../../src/action/inputs/target.ts';
import type { Runner } from '../../src/action/runner/runner.ts';
import { JobRecords } from '../../src/records/job-records.ts';
import type { StorageBackend } from '../../src/storage/backend.ts';
import { inputVariables } from '../support/runner/process/step-variables.ts';
import { silentLog } from '../support/silent-log.ts';

/** A runner that records its calls. */
interface RecordingRunner extends Runner {
  /** `info: ...`, `warning: ...`, `error: ...` in order. */
  readonly lines: string[];
  readonly outputs: Record<string, string>;
  readonly states: string[];
  readonly summaries: (readonly (readonly string[])[])[];
  readonly failed: boolean;
}

export function recordingRunner(env: Environment): RecordingRunner {
  const lines: string[] = [];
  const outputs: Record<string, string> = {};
  const states: string[] = [];
  const summaries: (readonly (readonly string[])[])[] = [];
  let failed = false;
  let grouped = false;
  const record = (kind: string) => (message: string) => void lines.push(`${kind}: ${message}`);
  return {
    env,
    lines,
    outputs,
    states,
    summaries,
    get failed() {
      return failed;
    },
    log: {
      debug() {},
      info: record('info'),
      notice: record('notice'),
      warning: record('warning'),
      startGroup(title) {
        if (!grouped) lines.push(`group: ${title}`);
        grouped = true;
      },
      endGroup() {
        if (grouped) lines.push('end of group');
        grouped = false;
      },
    },
    setOutput(name, value) {
      outputs[name] = value;
    },
    saveState(_, value) {
      states.push(value);
    },
    async addSummary(_, rows) {
      summaries.push(rows);
    },
    fail(message) {
      failed = true;
      record('error')(message);
    },
  };
}

/** The environment of a push to `main` of octo/app with a bucket, and these inputs. */
export function stepEnv(
  inputs: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    GITHUB_EVENT_NAME: 'push',
    GITHUB_REF: 'refs/heads/main',
    GITHUB_REPOSITORY: 'octo/app',
    GITHUB_WORKSPACE: process.cwd(),
    GITHUB_RUN_ID: '42',
    HOME: '/home/me',
    USERPROFILE: '/home/me',
    ...more,
    ...inputVariables({
      path: 'node_modules',
      key: 'npm-1',
      bucket: 'ci',
      endpoint: 'rgw.example',
      ...inputs,
    }),
  };
}

/** A backend with the test's methods, and its calls. */
interface ScriptedBackend {
  readonly open: BackendOpener;
  readonly opened: { readonly target: Target; readonly options: OpenOptions }[];
  readonly calls: { readonly method: string; readonly request: unknown }[];
  closed: number;
}

/** Records of a job without RUNNER_TEMP. */
export const noRecords = new JobRecords(undefined, silentLog);

export function scriptedBackend(script: Partial<StorageBackend>): ScriptedBackend {
  const calls: { method: string; request: unknown }[] = [];
  const unexpected = (method: string) => () => {
    throw new Error(`${method} was not expected`);
  };
  const methods = {
    lookup: script.lookup ?? unexpected('lookup'),
    restore: script.restore ?? unexpected('restore'),
    save: script.save ?? unexpected('save'),
  };
  const recorded = Object.fromEntries(
    Object.entries(methods).map(([method, answer]) => [
      method,
      async (request: never) => {
        calls.push({ method, request });
        return answer(request);
      },
    ]),
  ) as unknown as Pick<StorageBackend, 'lookup' | 'restore' | 'save'>;
  const scripted: ScriptedBackend = {
    calls,
    opened: [],
    closed: 0,
    async open(target, options) {
      scripted.opened.push({ target, options });
      return {
        counters: { requests: 3, retries: 1 },
        ...script,
        ...recorded,
        close() {
          scripted.closed += 1;
        },
      };
    },
  };
  return scripted;
}

/** A text without the figures that differ from run to run. */
export function steady(line: string): string {
  return line.replace(/\bms=\d+/, 'ms=N').replace(/in \d+\.\d\d s \([^)]*\)/, 'in N s (R)');
}
