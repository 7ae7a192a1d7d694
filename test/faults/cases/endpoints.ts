/** Endpoints and credentials that are wrong, and endpoints where nobody is. */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { closedEndpoint } from '../../e2e/support/network.ts';
import type { FaultCase } from '../case.ts';
import { restoreCase } from '../restore-case.ts';
import { saveCase } from '../save-case.ts';
import type { Scene } from '../scene.ts';

/** A port that accepts connections and says nothing, until the case is over. */
export async function silentEndpoint(scene: Scene): Promise<string> {
  const server = createServer(socket => {
    socket.on('error', () => {});
    scene.onClose(() => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  scene.onClose(() => server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

interface Wrong {
  readonly fault: string;
  readonly short: boolean;
  readonly inputs: (scene: Scene) => Promise<Record<string, string>>;
  readonly says: RegExp;
  readonly limitMs?: number;
}

const wrongs: readonly Wrong[] = [
  {
    fault: 'the secret key is wrong',
    short: true,
    inputs: async () => ({ secretKey: 'wrongSecret0000000000000000000000000001' }),
    says: /::warning::.*'secretKey': .*the secret key does not belong to the access key/,
  },
  {
    fault: 'the access key is unknown',
    short: true,
    inputs: async () => ({ accessKey: 'NOBODYSACCESSKEY0001' }),
    says: /::warning::.*'accessKey': .*the access key does not exist there/,
  },
  {
    fault: 'the bucket does not exist',
    short: true,
    inputs: async () => ({ bucket: 'no-such-bucket' }),
    says: /::warning::.*'bucket': .*there is no such bucket/,
  },
  {
    fault: "the bucket is another user's",
    short: true,
    inputs: async scene => ({ bucket: scene.gateway.other.bucket }),
    says: /::warning::.*'bucket': .*access is denied to these credentials/,
  },
  {
    fault: 'the host name cannot be resolved',
    short: true,
    inputs: async () => ({ endpoint: 'http://no-such-host.invalid' }),
    says: /::warning::.*host name not (?:found|resolved)/,
    limitMs: 12_000,
  },
  {
    fault: 'nobody listens on the port',
    short: true,
    inputs: async () => ({ endpoint: await closedEndpoint() }),
    says: /::warning::.*connection refused/,
    limitMs: 6_000,
  },
  {
    fault: 'the port accepts and says nothing',
    short: true,
    inputs: async scene => ({ endpoint: await silentEndpoint(scene) }),
    says: /::warning::.*(?:no data for 4 s|no answer within 9 s)/,
    limitMs: 12_000,
  },
];

export const endpointCases: readonly FaultCase[] = wrongs.flatMap(({ fault, inputs, ...rest }) => {
  const arrange = async (scene: Scene) => ({ inputs: await inputs(scene) });
  return [
    restoreCase(fault, { ...rest, arrange, ends: ['as before'] }),
    saveCase(fault, { ...rest, arrange, ends: ['not saved'] }),
  ];
});
