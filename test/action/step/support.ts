import { restoreStep } from '../../../src/action/step/restore-step.ts';
import { saveStep } from '../../../src/action/step/save-step.ts';
import type { StepState } from '../../../src/action/step/state.ts';
import type { SaveRequest, StorageBackend } from '../../../src/storage/backend.ts';
import type { Restored, RestoreOutcome, SaveOutcome } from '../../../src/storage/outcomes.ts';
import { noRecords, recordingRunner, scriptedBackend, steady, stepEnv } from '../support.ts';

/** Runs steps with a scripted backend. */

export const hit: Restored = {
  kind: 'hit',
  source: 's3',
  key: 'npm-1',
  exact: true,
  sizeBytes: 279_000_000,
  object: { name: 'o', etag: 'e' },
  entries: 2092,
  rawBytes: 830_000_000,
};

export const missed = async (): Promise<RestoreOutcome> => ({ kind: 'miss', diagnosis: undefined });

export async function runRestore(
  script: Partial<StorageBackend>,
  inputs: Record<string, string> = {},
  more: Record<string, string> = {},
  { keepState = true, signal = new AbortController().signal } = {},
) {
  const runner = recordingRunner(stepEnv(inputs, more));
  const backend = scriptedBackend(script);
  await restoreStep(runner, { open: backend.open, records: noRecords, signal, keepState });
  const last = runner.states.at(-1);
  return {
    ...runner,
    failed: runner.failed,
    lines: runner.lines.map(steady),
    backend,
    state: last === undefined ? undefined : (JSON.parse(last) as StepState),
  };
}

const saved: SaveOutcome = {
  kind: 'saved',
  source: 's3',
  sizeBytes: 1000,
  entries: 3,
  rawBytes: 4000,
  reusedBytes: 0,
};
/** The target of the environment that `stepEnv` makes. */
export const target = {
  endpoint: 'https://rgw.example/',
  region: 'us-east-1',
  bucket: 'ci',
  'ca-file': '',
  'sts-endpoint': '',
  prefix: 'cache-s3',
  scope: 'ref',
  AWS_ENDPOINT_URL_STS: '',
};

const missedState: StepState = {
  paths: ['node_modules'],
  key: 'npm-1',
  restoreKeys: [],
  finished: true,
  saveAlways: false,
  home: '/home/me',
  target,
  source: 'none',
  bucketWasDown: false,
};

export interface SaveGiven {
  readonly script?: Partial<StorageBackend>;
  readonly state?: Partial<StepState> | 'none';
  readonly inputs?: Record<string, string>;
  readonly env?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export async function runSave(isAfterRestore: boolean, given: SaveGiven) {
  const { state = {}, signal = new AbortController().signal } = given;
  const stateEnv =
    isAfterRestore && state !== 'none'
      ? {
          STATE_CACHE_S3: JSON.stringify({
            ...missedState,
            ...(given.inputs?.bucket === '' ? { target: { bucket: '' } } : {}),
            ...state,
          }),
        }
      : {};
  const runner = recordingRunner(stepEnv(given.inputs ?? {}, { ...stateEnv, ...given.env }));
  const backend = scriptedBackend(given.script ?? { save: async () => saved });
  await saveStep(runner, { open: backend.open, records: noRecords, signal, isAfterRestore });
  return {
    lines: runner.lines.map(steady),
    failed: runner.failed,
    backend,
    request: backend.calls[0]?.request as SaveRequest | undefined,
  };
}
