/** Wrong endpoints and credentials, and endpoints without a server. */

import { closedEndpoint, startSilentServer } from '../../support/servers/listen.ts';
import type { FaultCase } from '../case.ts';
import { restoreCase } from '../restore-case.ts';
import { saveCase } from '../save-case.ts';
import type { Scene } from '../scene.ts';

/** Returns an endpoint that accepts connections and never responds, until the case is over. */
export async function silentEndpoint(scene: Scene): Promise<string> {
  const server = await startSilentServer();
  scene.onClose(() => server.close());
  return server.endpoint;
}

interface WrongInput {
  readonly fault: string;
  /** The phase whose case `npm test` runs too. */
  readonly short: 'restore' | 'save';
  readonly inputs: (scene: Scene) => Promise<Record<string, string>>;
  readonly message: RegExp;
  readonly limitMs?: number;
}

const wrongInputs: readonly WrongInput[] = [
  {
    fault: 'the secret key is wrong',
    short: 'restore',
    inputs: async () => ({ secretKey: 'wrongSecret0000000000000000000000000001' }),
    message: /::warning::.*'secretKey': .*the secret key does not belong to the access key/,
  },
  {
    fault: 'the access key is unknown',
    short: 'save',
    inputs: async () => ({ accessKey: 'UNKNOWNACCESSKEY0001' }),
    message: /::warning::.*'accessKey': .*the access key does not exist on this server/,
  },
  {
    fault: 'the bucket does not exist',
    short: 'save',
    inputs: async () => ({ bucket: 'no-such-bucket' }),
    message: /::warning::.*'bucket': .*there is no such bucket/,
  },
  {
    fault: 'the bucket belongs to another user',
    short: 'restore',
    inputs: async scene => ({ bucket: scene.gateway.other.bucket }),
    message: /::warning::.*'bucket': .*access is denied to these credentials/,
  },
  {
    fault: 'the host name cannot be resolved',
    short: 'restore',
    inputs: async () => ({ endpoint: 'http://no-such-host.invalid' }),
    message: /::warning::.*host name not (?:found|resolved)/,
    limitMs: 12_000,
  },
  {
    fault: 'the port is closed',
    short: 'save',
    inputs: async () => ({ endpoint: await closedEndpoint() }),
    message: /::warning::.*connection refused/,
    limitMs: 6_000,
  },
  {
    fault: 'the port accepts connections and never responds',
    short: 'restore',
    inputs: async scene => ({ endpoint: await silentEndpoint(scene) }),
    message: /::warning::.*(?:no data for 4 s|no response within 9 s)/,
    limitMs: 12_000,
  },
];

/** Code that sets the clock of a step an hour ahead. */
const HOUR_AHEAD = `
  const { now } = Date;
  Date.now = () => now() + 3_600_000;
  globalThis.Date = new Proxy(Date, {
    construct: (Clock, words) => (words.length === 0 ? new Clock(Clock.now()) : new Clock(...words)),
  });`;

const clockOff = {
  message: /::notice::.*signed by the server's clock, because the runner's clock is 3(?:599|60\d) s ahead/,
  arrange: () => ({ preload: HOUR_AHEAD }),
};

const wrongEndpoints: readonly FaultCase[] = wrongInputs.flatMap(({ fault, short, inputs, ...rest }) => {
  const arrange = async (scene: Scene) => ({ inputs: await inputs(scene) });
  return [
    restoreCase(fault, { ...rest, short: short === 'restore', arrange, allowed: ['unchanged'] }),
    saveCase(fault, { ...rest, short: short === 'save', arrange, allowed: ['not saved'] }),
  ];
});

export const endpointCases: readonly FaultCase[] = [
  ...wrongEndpoints,
  restoreCase("the runner's clock is an hour ahead", { ...clockOff, allowed: ['the cache'] }),
  saveCase("the runner's clock is an hour ahead", {
    ...clockOff,
    short: true,
    allowed: ['saved'],
    message: /^Cache saved with key/,
  }),
];
