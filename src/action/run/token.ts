import type { Environment } from '../inputs/read-input.ts';

/** One line of the `ac` claim: a ref and what this run may do with its cache. */
export interface TokenScope {
  readonly ref: string;
  readonly read: boolean;
  readonly write: boolean;
}

const READ = 1;
const WRITE = 2;

/**
 * The cache scopes that GitHub put into the run's own token: the `ac` claim of ACTIONS_RUNTIME_TOKEN, a JSON string of
 * `[{"Scope":"refs/heads/main","Permission":1}]` (1 read, 2 write; actions/runner 2.336). undefined: there is none. Nor is
 * a claim whose lines name no ref: Gitea and Forgejo give every run `[{"Scope":"","Permission":2}]` (go-gitea
 * services/actions/auth.go). The signature is not checked: whoever can set the variable can do what the claim would
 * forbid anyway.
 */
export function readTokenScopes(env: Environment): readonly TokenScope[] | undefined {
  const body = env.ACTIONS_RUNTIME_TOKEN?.split('.')[1];
  if (!body) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'));
    const claim = (claims as { ac?: unknown } | null)?.ac;
    const entries: unknown = typeof claim === 'string' ? JSON.parse(claim) : undefined;
    if (!Array.isArray(entries)) return undefined;
    const scopes = entries.flatMap(scopeOf);
    return scopes.length === 0 && entries.length > 0 ? undefined : scopes;
  } catch {
    return undefined;
  }
}

function scopeOf(entry: unknown): readonly TokenScope[] {
  const { Scope: ref, Permission: bits } = (entry ?? {}) as { Scope?: unknown; Permission?: unknown };
  if (typeof ref !== 'string' || ref === '' || typeof bits !== 'number') return [];
  return [{ ref, read: (bits & READ) !== 0, write: (bits & WRITE) !== 0 }];
}
