import { describe, expect, test } from 'vitest';
import { ROLE_KINDS, runsOf } from '../../src/command/policy/roles.ts';
import { FURTHER_RUNS, policyOptions, RUNS } from '../roles/runs.ts';
import type { RoleGateway } from '../support/gateway/role-gateway.ts';
import { read } from './documents.ts';

/** Returns the cells of the rows of the first table after a heading. */
function rowsAfter(file: string, heading: string): string[][] {
  const text = read(file).split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = text.split('\n').filter(line => line.startsWith('|'));
  const cells = rows.map(row =>
    row
      .slice(1, -1)
      .split('|')
      .map(cell => cell.trim()),
  );
  return cells.slice(2);
}

const decided = rowsAfter('docs/threat-model.md', 'Who can do what, by role');

/** The row of the threat model for each run of the tests. */
const ROWS: Readonly<Record<string, string>> = {
  'push to main': 'push to the default branch',
  'push to a branch': 'push to another branch',
  'pull request': 'pull_request of the repository',
  fork: 'pull_request of a fork',
  'merge group': 'merge group',
  schedule: 'schedule, default branch',
  workflow_dispatch: 'workflow_dispatch, default branch',
  'delete of a branch': 'delete, default branch',
  issue_comment: 'issue_comment, workflow_run, repository_dispatch',
  workflow_run: 'issue_comment, workflow_run, repository_dispatch',
  repository_dispatch: 'issue_comment, workflow_run, repository_dispatch',
  pull_request_target: 'pull_request_target',
  tag: 'push of a tag, release',
  release: 'push of a tag, release',
  'another repository': 'another repository',
};

const runs = [...RUNS, ...FURTHER_RUNS];

describe("the threat model's table of roles", () => {
  test('has a row for each run of the tests, and no other', () => {
    expect(new Set(decided.map(([run]) => run))).toEqual(new Set(runs.map(({ name }) => ROWS[name])));
  });

  test.each(runs)(
    'has the rights of a run of the kind $name that the tests observe',
    ({ name, roles, ref }) => {
      const [, listed = '', reads, writesMain, writesOwn, deletes] = decided.find(
        ([run]) => run === ROWS[name],
      )!;
      const takes = (kind: (typeof ROLE_KINDS)[number]) => roles.includes(kind);
      expect(listed.startsWith('none') ? [] : listed.split(', ')).toEqual(roles);
      expect(reads).toBe(takes('read') ? 'yes' : 'no');
      expect(writesMain).toBe(takes('main') ? 'yes' : 'no');
      const writer = ref.startsWith('refs/pull/') ? takes('pulls') : takes('main') || takes('branches');
      expect(writesOwn !== 'no').toBe(writer);
      expect(deletes !== 'no').toBe(takes('prune') || takes('prune-pulls'));
    },
  );
});

test('docs/roles.md describes the roles of cache-s3 policy, with their events', () => {
  const rows = rowsAfter('docs/roles.md', 'The roles');
  expect(rows.map(([kind]) => kind)).toEqual(ROLE_KINDS.map(kind => `\`${kind}\``));
  const scope = policyOptions({ gateway: {}, issuer: {} } as RoleGateway, 'bucket');
  for (const [index, kind] of ROLE_KINDS.entries()) {
    for (const event of runsOf(kind, scope).events ?? [])
      expect(rows[index]?.[1]).toMatch(new RegExp(`\\b${event}\\b`));
  }
});
