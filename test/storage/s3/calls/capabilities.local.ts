import { afterAll, beforeAll, describe } from 'vitest';
import { type MemoryServer, startMemoryServer } from '../../../support/servers/memory-server.ts';
import type { Quirks } from '../../../support/servers/memory-store.ts';
import { copiedRanges } from '../../conformance/copied-ranges.ts';
import { reading } from '../../conformance/reading.ts';
import { Subject, type Traits } from '../../conformance/subject.ts';
import { writing } from '../../conformance/writing.ts';
import { openStore } from '../support.ts';

type Suite = (subject: Subject) => void;

const inexact = { exactConditions: false };
const noCopies = { copies: false };

/** Servers and reverse proxies that were seen, each with the promises that its quirk touches. */
const setups: readonly [string, Quirks, readonly Suite[], Partial<Traits>?][] = [
  ['without conditional writes (Swift)', { conditions: 'refused' }, [writing], inexact],
  ['that does not know conditions (Backblaze B2)', { conditions: 'unknown' }, [writing], inexact],
  ['that ignores conditions (radosgw with versions)', { conditions: 'ignored' }, [writing], inexact],
  ['that refuses long suffix ranges (rclone)', { strictSuffix: true }, [reading]],
  ['that stores an empty part instead of a copy (rclone)', { copy: 'empty' }, [copiedRanges], noCopies],
  ['that takes a copy for an upload (gofakes3)', { copy: 'lengthRequired' }, [copiedRanges], noCopies],
  ['whose copies fail with 500', { copy: 'fails' }, [copiedRanges], noCopies],
  ['whose copies return an error with status 200', { copy: 'errorInside' }, [copiedRanges], noCopies],
  ['that compares a copy with another ETag (Swift)', { copy: 'conditionFails' }, [copiedRanges]],
  ['behind a reverse proxy that weakens ETags', { weakEtags: true }, [reading, writing, copiedRanges]],
  ['behind a reverse proxy that drops metadata', { dropsMetadata: true }, [writing]],
  ['behind a reverse proxy that drops lengths', { chunked: true }, [reading]],
  ['that returns 200 for a range of an empty object (Swift)', { emptyRange: 200 }, [reading]],
  ['that returns 206 for a range of an empty object (MinIO)', { emptyRange: 206 }, [reading]],
  ['that requires Content-MD5 (a default retention)', { requiresMd5: true }, [writing]],
  ['behind a reverse proxy that refuses HEAD', { refusesHead: 405 }, [reading, writing]],
];

describe.each(setups)('a server %s', (_, quirks, suites, traits = {}) => {
  let server: MemoryServer;
  const subject = new Subject(() => openStore({ endpoint: new URL(server.endpoint) }), traits);

  beforeAll(async () => {
    server = await startMemoryServer(quirks);
  });
  afterAll(async () => {
    subject.close();
    await server.close();
  });

  for (const suite of suites) suite(subject);
});
