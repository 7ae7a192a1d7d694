/** One entry of the `ac` claim: a ref, and the rights of this run on its caches. */
export interface TokenScope {
  readonly ref: string;
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
}

const READ = 1;
const WRITE = 2;

/** Limits on the token, in UTF-16 units, and on its scopes: each causes requests. GitHub's have up to 3 kB and 3 scopes. */
const MAX_TOKEN_LENGTH = 64 * 1024;
const MAX_SCOPES = 10;

/** The form of a full ref. Another text could be `_`, the place that `scope: repository` shares. */
const REF = /^refs\/[^\p{Cc}]{1,1000}$/u;

/**
 * Reads the cache scopes that GitHub puts into the run's token: the `ac` claim of ACTIONS_RUNTIME_TOKEN, a JSON string of
 * `[{"Scope":"refs/heads/main","Permission":1}]` (1 read, 2 write; actions/runner 2.336). Returns undefined if the token has
 * no `ac` claim, or if no entry of the claim names a ref: Gitea and Forgejo give every run
 * `[{"Scope":"","Permission":2}]` (go-gitea services/actions/auth.go). The signature is not checked: a program that can set
 * the variable runs in the job, and can do all that the claim forbids.
 */
export function readTokenScopes(token: string | undefined): readonly TokenScope[] | undefined {
  if (token === undefined || token.length > MAX_TOKEN_LENGTH) return undefined;
  const body = token.split('.', 2)[1];
  if (!body) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'));
    const claim = (claims as { ac?: unknown } | null)?.ac;
    const entries: unknown = typeof claim === 'string' ? JSON.parse(claim) : undefined;
    if (!Array.isArray(entries)) return undefined;
    const scopes = entries.flatMap(parseScope);
    return scopes.length === 0 && entries.length > 0 ? undefined : scopes.slice(0, MAX_SCOPES);
  } catch {
    return undefined;
  }
}

/** Returns the scope of an entry. Returns none if the entry has no ref or no number for the rights. */
function parseScope(entry: unknown): readonly TokenScope[] {
  const { Scope: ref, Permission: bits } = (entry ?? {}) as { Scope?: unknown; Permission?: unknown };
  if (typeof ref !== 'string' || !REF.test(ref) || typeof bits !== 'number') return [];
  return [{ ref, mayRead: (bits & READ) !== 0, mayWrite: (bits & WRITE) !== 0 }];
}
