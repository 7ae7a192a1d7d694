/** Roles: an STS or a token service that fails, and what each kind of run gets from a store that decides. */

import http, { type ServerResponse } from 'node:http';
import { cachesRoot } from '../../../src/cache/keys/cache-names.ts';
import { REPOSITORY, RUNS, type Run } from '../../roles/runs.ts';
import type { ActionRunResult } from '../../support/runner/run-action.ts';
import { hostile } from '../../support/servers/hostile-socket.ts';
import { closedEndpoint, listen } from '../../support/servers/listen.ts';
import { startTokenService } from '../../support/servers/token-service.ts';
import { exitOf, type FaultCase, type Finding, visibleLines } from '../case.ts';
import { secretProblem } from '../checks.ts';
import type { PhaseRunOptions } from '../phase-runner.ts';
import { restoreCase } from '../restore-case.ts';
import { saveCase } from '../save-case.ts';
import type { Scene } from '../scene.ts';

type Answer = (to: ServerResponse) => void;

const silence: Answer = () => {};
const status =
  (code: number): Answer =>
  to =>
    void to.writeHead(code).end();
const { endless, switchProtocols } = hostile;

/** A token of a run, which no server of these cases checks. */
const TOKEN = `e30.${Buffer.from('{"ref":"refs/heads/main"}').toString('base64url')}.c2lnbmF0dXJl`;
const giveToken: Answer = to => void to.end(JSON.stringify({ value: TOKEN }));

interface RoleFault {
  readonly fault: string;
  /** The phase whose case `npm test` runs too. */
  readonly short?: 'restore' | 'save';
  readonly sts?: Answer;
  readonly tokens?: Answer;
  readonly message: RegExp;
}

const NO_TOKEN = /::warning::The bucket cannot be used.*returned no OIDC token: /;
const NO_ROLE = /::warning::The bucket cannot be used.*STS at http/;
const FAILED_SAVE = /::warning::Failed to save: .*(?:STS at http|returned no OIDC token)/;

const roleFaults: readonly RoleFault[] = [
  { fault: 'the STS does not respond', sts: silence, message: NO_ROLE },
  { fault: 'the STS responds with 500', sts: status(500), message: NO_ROLE },
  { fault: 'the STS switches protocols (101)', short: 'restore', sts: switchProtocols, message: NO_ROLE },
  { fault: 'the STS sends a body without end', short: 'save', sts: endless, message: NO_ROLE },
  {
    fault: 'the STS sends another document',
    short: 'restore',
    sts: to => void to.end('<a/>'),
    message: NO_ROLE,
  },
  {
    fault: 'the STS redirects',
    sts: to => void to.writeHead(302, { location: '/x' }).end(),
    message: NO_ROLE,
  },
  { fault: 'the token service does not respond', tokens: silence, message: NO_TOKEN },
  { fault: 'the token service responds with 503', tokens: status(503), message: NO_TOKEN },
  { fault: 'the token service switches protocols (101)', tokens: switchProtocols, message: NO_TOKEN },
  {
    fault: 'the token service sends a body without end',
    short: 'restore',
    tokens: endless,
    message: NO_TOKEN,
  },
  {
    fault: 'the token service takes 6 s, and the STS does not respond',
    tokens: to => void setTimeout(() => giveToken(to), 6000).unref(),
    sts: silence,
    message: NO_ROLE,
  },
];

/** Starts the two services. Returns the options of a phase that takes a role by them. */
async function arrange(
  scene: Scene,
  { sts = silence, tokens = giveToken }: RoleFault,
): Promise<PhaseRunOptions> {
  const server = await listen(http.createServer((from, to) => void from.resume().on('end', () => sts(to))));
  const service = await startTokenService((_, to) => void tokens(to));
  scene.onClose(() => server.close());
  scene.onClose(() => service.close());
  scene.expectFault(() => service.audiences.length > 0);
  return roleOptions(server.endpoint, service.environment);
}

function roleOptions(stsEndpoint: string, env: Readonly<Record<string, string>>): PhaseRunOptions {
  return {
    env,
    inputs: {
      accessKey: '',
      secretKey: '',
      'role-to-assume': 'arn:aws:iam:::role/ci',
      'sts-endpoint': stsEndpoint,
    },
  };
}

async function noSts(scene: Scene): Promise<PhaseRunOptions> {
  const service = await startTokenService(() => TOKEN);
  scene.onClose(() => service.close());
  return roleOptions(await closedEndpoint(), service.environment);
}

/** 10 s for token and role, and the time of a process. */
const limitMs = 12_500;

const stsCases: readonly FaultCase[] = [
  ...roleFaults.flatMap(fault => {
    const { message, short } = fault;
    const spec = { limitMs, arrange: (scene: Scene) => arrange(scene, fault) };
    return [
      restoreCase(fault.fault, { ...spec, short: short === 'restore', message, allowed: ['unchanged'] }),
      saveCase(fault.fault, {
        ...spec,
        short: short === 'save',
        message: FAILED_SAVE,
        allowed: ['not saved'],
      }),
    ];
  }),
  restoreCase('the port of the STS is closed', {
    limitMs,
    arrange: noSts,
    message: NO_ROLE,
    allowed: ['unchanged'],
  }),
];

/** The restore or the save of a run whose steps take roles of a real gateway. */
function runCase(run: Run, phase: 'restore' | 'save'): FaultCase {
  return {
    fault: `the store decides: ${run.name}`,
    phase,
    short: false,
    limitMs,
    run: scene => (phase === 'restore' ? restoreOf(scene, run) : saveOf(scene, run)),
  };
}

async function restoreOf(scene: Scene, run: Run): Promise<Finding> {
  const { lab } = scene;
  const result = await (await lab.roleJobs()).restore(run);
  const got = result.outputs['cache-hit'] === 'true' ? 'hit' : 'none';
  const wrong = got === run.restore ? [] : [`it is ${got}, not ${run.restore}:\n${result.stdout}`];
  return findingOf(scene, result, got === 'hit' ? 'the cache' : 'unchanged', wrong);
}

async function saveOf(scene: Scene, run: Run): Promise<Finding> {
  const { lab } = scene;
  const jobs = await lab.roleJobs();
  const before = new Set(await jobs.bucket.objects());
  const result = await jobs.save(run, `of ${run.name}`);
  const added = (await jobs.bucket.objects()).filter(name => !before.has(name));
  const own = cachesRoot('cache-s3', run.repository ?? REPOSITORY, run.ref);
  const outside = added.filter(name => !name.startsWith(own));
  const isSaved = added.length === 1;
  const wrong = [
    ...(isSaved === (run.save === 'saved')
      ? []
      : [`it has added ${added.length} objects:\n${result.stdout}`]),
    ...(result.stdout.includes(` result=${run.save} `) ? [] : [`it is not ${run.save}:\n${result.stdout}`]),
    ...outside.map(name => `it has written ${name}`),
  ];
  return findingOf(scene, result, `${added.length} ${isSaved ? 'object' : 'objects'}, 0 uploads`, wrong);
}

function findingOf(scene: Scene, result: ActionRunResult, left: string, wrong: readonly string[]): Finding {
  const leak = secretProblem(scene, result);
  const violations = leak === undefined ? wrong : [...wrong, leak];
  const lines = result.stdout.split('\n').map(text => ({ text, atMs: 0 }));
  const phase = { ...result, lines, hung: false, afterSignalMs: undefined };
  const exit = exitOf(phase);
  return {
    messages: visibleLines(phase),
    ms: result.ms,
    exit,
    left,
    violations: [...violations, ...(exit === '0' ? [] : [`exit ${exit}:\n${result.stdout}`])],
    late: [],
  };
}

export const roleCases: readonly FaultCase[] = [
  ...stsCases,
  ...RUNS.flatMap(run => [runCase(run, 'restore'), runCase(run, 'save')]),
];
