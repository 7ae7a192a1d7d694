import { need, requires } from '../support/platform-needs.ts';
import { needHaproxy } from '../support/servers/haproxy.ts';
import { needNginx } from '../support/servers/nginx.ts';
import { startIfPossible } from '../support/servers/packages.ts';

const isThere = (program: () => void) =>
  startIfPossible(() => {
    program();
    return true;
  });

export const withNginx = requires(need(await isThere(needNginx), 'no nginx or no gateway can be started'));

/** For tests with nginx and HAProxy. */
export const withProxies = requires(
  need((await isThere(needNginx)) && (await isThere(needHaproxy)), 'no nginx or no gateway can be started'),
);

/** A location of nginx that takes bodies of each size. */
export const UNLIMITED = 'client_max_body_size 0;';
