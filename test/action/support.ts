import type { Environment } from '../../src/action/read-input.ts';
import type { Runner } from '../../src/action/runner.ts';

/** Inputs as the runner hands them to an action. */
export function inputEnv(inputs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [
      `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`,
      value,
    ]),
  );
}

/** A runner that writes down what it is told. */
export interface RecordingRunner extends Runner {
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
  const say = (kind: string) => (message: string) => void lines.push(`${kind}: ${message}`);
  return {
    env,
    lines,
    outputs,
    states,
    summaries,
    get failed() {
      return failed;
    },
    log: { debug() {}, info: say('info'), notice: say('notice'), warning: say('warning') },
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
      say('error')(message);
    },
  };
}
