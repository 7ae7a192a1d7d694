import path from 'node:path';
import { expect, test } from 'vitest';
import { parseInputs } from '../../../src/action/inputs/inputs.ts';
import { readRunContext } from '../../../src/action/run/run-context.ts';
import { eventProblem, planStep } from '../../../src/action/step/plan.ts';
import { stepEnv } from '../support.ts';

/** The plan of a step in this environment, of a push to `main` by default. */
function planned(inputs: Record<string, string> = {}, more: Record<string, string> = {}) {
  const env = stepEnv(inputs, more);
  return planStep(parseInputs(env), readRunContext(env), { env, saves: false });
}

const pullRequest = {
  GITHUB_EVENT_NAME: 'pull_request',
  GITHUB_REF: 'refs/pull/7/merge',
  GITHUB_BASE_REF: 'main',
};

test('the plan of a push saves to the scope that it reads first', () => {
  const { access, places, target } = planned();
  expect(target.kind).toBe('s3');
  expect(access.write.isAllowed).toBe(true);
  expect(places.write.label).toBe('refs/heads/main');
  expect(places.read.map(({ label }) => label)).toEqual(['refs/heads/main']);
});

test('the plan of a pull request with a shared scope may only read', () => {
  expect(planned({ scope: 'repository' }, pullRequest).access).toMatchObject({
    read: { isAllowed: true },
    write: { isAllowed: false },
  });
});

test('the plan without a bucket leaves the rights to GitHub', () => {
  const { target, access } = planned({ bucket: '', endpoint: '', scope: 'repository' }, pullRequest);
  expect(target.kind).toBe('github');
  expect(access.write.isAllowed).toBe(true);
});

test('the version of a plan depends on the paths in the form that every runner shares', () => {
  const inside = path.join(process.cwd(), 'node_modules');
  expect(planned({ path: inside }).version).toBe(planned({ path: 'node_modules' }).version);
  expect(planned({ path: 'dist' }).version).not.toBe(planned({ path: 'node_modules' }).version);
});

test('a plan with a wrong input is refused before a request', () => {
  expect(() => planned({ endpoint: 'http://a:1:2' })).toThrow('endpoint');
});

test('an event without a ref has the sentence of actions/cache', () => {
  expect(eventProblem(readRunContext(stepEnv({}, { GITHUB_REF: '', GITHUB_EVENT_NAME: 'x' })))).toBe(
    "Event Validation Error: The event type x is not supported because it's not tied to a branch or tag ref.",
  );
  expect(eventProblem(readRunContext(stepEnv({})))).toBeUndefined();
});
