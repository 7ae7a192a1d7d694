import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { speaksTls } from '../../../src/command/doctor/speaks-tls.ts';
import { scratch } from '../../support/scratch.ts';
import { makeCertificates } from '../../support/servers/certificates.ts';
import { closedEndpoint, listen, startSilentServer } from '../../support/servers/listen.ts';
import { serveHttp } from '../../support/servers/serve.ts';

const never = new AbortController().signal;

test('a port whose certificate is not trusted speaks TLS', async () => {
  const { expired } = await makeCertificates(scratch());
  const server = await listen(tls.createServer({ key: readFileSync(expired), cert: readFileSync(expired) }));
  onTestFinished(() => server.close());
  expect(await speaksTls(new URL(server.endpoint), never)).toBe(true);
});

test('a port of http does not speak TLS, nor does a closed one', async () => {
  const port = await serveHttp((_, to) => void to.end());
  expect(await speaksTls(new URL(`http://127.0.0.1:${port}`), never)).toBe(false);
  expect(await speaksTls(new URL(await closedEndpoint()), never)).toBe(false);
});

test('the handshake with a silent port ends with the signal', async () => {
  await using server = await startSilentServer();
  const before = performance.now();
  expect(await speaksTls(new URL(server.endpoint), AbortSignal.timeout(50))).toBe(false);
  expect(performance.now() - before).toBeLessThan(2000);
});
