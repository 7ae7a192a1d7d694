/** One line of the `ac` claim: a ref, and the rights of this run on its caches. */
export interface TokenScope {
  readonly ref: string;
  readonly read: boolean;
  readonly write: boolean;
}

const READ = 1;
const WRITE = 2;

/** GitHub's tokens have 1 to 3 kB and at most three scopes. Each scope costs requests. */
const MAX_TOKEN_LENGTH = 64 * 1024;
const MAX_SCOPES = 10;

/** A full ref, as GitHub writes it. `_` would be the place that `scope: repository` shares. */
const REF = /^refs\/[^\p{Cc}]{1,1000}$/u;

/**
 * Reads the cache scopes that GitHub puts into the run's token: the `ac` claim of ACTIONS_RUNTIME_TOKEN, a JSON string of
 * `[{"Scope":"refs/heads/main","Permission":1}]` (1 read, 2 write; actions/runner 2.336). Returns undefined if there is no
 * such claim, or if none of its lines names a ref: Gitea and Forgejo give every run `[{"Scope":"","Permission":2}]`
 * (go-gitea services/actions/auth.go). The signature is not checked: a program that can set the variable runs code in the
 * job, and can do all that the claim forbids.
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
    const scopes = entries.flatMap(scopeOf);
    return scopes.length === 0 && entries.length > 0 ? undefined : scopes.slice(0, MAX_SCOPES);
  } catch {
    return undefined;
  }
}

function scopeOf(entry: unknown): readonly TokenScope[] {
  const { Scope: ref, Permission: bits } = (entry ?? {}) as { Scope?: unknown; Permission?: unknown };
  if (typeof ref !== 'string' || !REF.test(ref) || typeof bits !== 'number') return [];
  return [{ ref, read: (bits & READ) !== 0, write: (bits & WRITE) !== 0 }];
}
