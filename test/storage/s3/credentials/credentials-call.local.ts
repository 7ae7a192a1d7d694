import type http from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import { hostile, writeForever } from '../../../support/servers/hostile-socket.ts';
import { serveHttp } from '../../../support/servers/serve.ts';
import { openStore } from '../support.ts';
import { useSharedFiles } from './use-shared-files.ts';

useSharedFiles();

describe.each([
  ['container', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'],
  ['instance metadata', 'AWS_EC2_METADATA_SERVICE_ENDPOINT'],
])('a service of the host (%s)', (name, variable) => {
  const failureAt = async (answer: (to: http.ServerResponse) => void): Promise<string> => {
    const port = await serveHttp((from, to) => void from.resume().on('end', () => answer(to)));
    vi.stubEnv(variable, `http://127.0.0.1:${port}`);
    const store = openStore({ credentials: undefined, instanceMetadata: true, attempts: 1 });
    const { message } = await store.head('x').catch(error => error);
    store.close();
    return message;
  };

  test('whose response has no end fails after its bound', async () => {
    let sent = 0;
    const message = await failureAt(to =>
      writeForever(to, 'x', bytes => {
        sent += bytes;
      }),
    );
    expect(message).toContain(`${name}: the response is longer than 131072 bytes`);
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  test('that switches protocols fails', async () => {
    const message = await failureAt(hostile.switchProtocols);
    expect(message).toContain(`${name}: the server switches protocols (101)`);
  });
});
