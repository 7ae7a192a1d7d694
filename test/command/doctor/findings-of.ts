import type http from 'node:http';
import { expect } from 'vitest';
import { cachesRoot, markersRoot } from '../../../src/cache/keys/cache-names.ts';
import { checkServer } from '../../../src/command/doctor/check-server.ts';
import type { Finding, Result } from '../../../src/command/doctor/finding.ts';
import { serveMemory } from '../../storage/s3/serve-store.ts';
import { createS3Settings } from '../../storage/s3/support.ts';
import { type MemoryServer, refusal } from '../../support/servers/memory-server.ts';
import type { Quirks } from '../../support/servers/memory-store.ts';
import { silentLog } from '../../support/silent-log.ts';

const prefixes = { caches: cachesRoot('cache-s3'), markers: markersRoot('cache-s3') };

/** A server whose findings differ from those of a good one. */
interface Setup {
  readonly quirks?: Quirks;
  /** Returns the status of a call that is refused. Returns undefined if the server responds. */
  readonly refuses?: (operation: string, request: http.IncomingMessage) => number | undefined;
  /** As of `MemoryServer`. */
  readonly takeover?: MemoryServer['takeover'];
  /** Called when the server has been started. */
  readonly prepare?: (server: MemoryServer) => void;
}

/** Returns the findings of a server, the check of which leaves nothing behind unless it may not delete. */
export async function findingsOf({ quirks, refuses, takeover, prepare }: Setup): Promise<{
  readonly server: MemoryServer;
  readonly findings: readonly Finding[];
}> {
  const server = await serveMemory(quirks);
  prepare?.(server);
  const before = [...server.content.objects.keys()];
  server.takeover = (operation, request) => {
    const status = refuses?.(operation, request);
    if (status === undefined) return takeover?.(operation, request);
    return refusal(status, status === 403 ? 'AccessDenied' : undefined);
  };
  const findings: Finding[] = [];
  const settings = createS3Settings({ endpoint: new URL(server.endpoint), attempts: 1 });
  const { signal } = new AbortController();
  await checkServer({ settings, prefixes, log: silentLog, signal }, finding => void findings.push(finding));
  if (!findings.some(({ check, result }) => check === 'delete' && result !== 'ok'))
    expect([...server.content.objects.keys()]).toEqual(before);
  return { server, findings };
}

/** Returns the checks with this result. */
export function named(findings: readonly Finding[], result: Result): string[] {
  return findings.filter(finding => finding.result === result).map(({ check }) => check);
}

export function findingOf(findings: readonly Finding[], check: string): Finding | undefined {
  return findings.find(finding => finding.check === check);
}
