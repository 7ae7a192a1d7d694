/** The service of a runner that issues the OIDC tokens of a run. */

import http, { type ServerResponse } from 'node:http';
import { type LocalServer, listen } from './listen.ts';

export interface TokenService extends LocalServer {
  /** The variables with which the runner names it to the steps of a job that has the permission `id-token: write`. */
  readonly environment: Readonly<Record<string, string>>;
  /** The audience of each request, in the order of arrival. */
  readonly audiences: readonly string[];
}

/** The credentials that each request must have. */
export const TOKEN_SERVICE_KEY = 'token-service-bearer';

/** Starts a service. `answer` returns the token for an audience, or writes a response of its own. */
export async function startTokenService(
  answer: (audience: string, to: ServerResponse) => string | undefined,
): Promise<TokenService> {
  const audiences: string[] = [];
  const server = http.createServer((from, to) => {
    const url = new URL(from.url ?? '', 'http://service');
    const audience = url.searchParams.get('audience') ?? '';
    if (from.headers.authorization !== `Bearer ${TOKEN_SERVICE_KEY}` || url.pathname !== '/token') {
      return void to.writeHead(401).end();
    }
    audiences.push(audience);
    const value = answer(audience, to);
    if (value !== undefined)
      to.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ value }));
  });
  const local = await listen(server);
  return {
    ...local,
    audiences,
    environment: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${local.endpoint}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: TOKEN_SERVICE_KEY,
    },
  };
}
