import type { Log } from '../../src/report/log.ts';

/** A log without output. */
export const silentLog: Log = {
  debug() {},
  info() {},
  notice() {},
  warning() {},
  startGroup() {},
  endGroup() {},
};
