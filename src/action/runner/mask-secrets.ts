import { setSecret } from '@actions/core';
import { type Environment, environmentVariables } from '../inputs/read-input.ts';

/** Registers one secret, such as one that the action has obtained from a service. */
export const maskSecret: (secret: string) => void = setSecret;

const SECRET_INPUTS = ['secretKey', 'sessionToken'];
const SECRET_VARIABLES = [
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  // A service may quote these tokens, and not every runner masks them itself
  'ACTIONS_RUNTIME_TOKEN',
  'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
  ...SECRET_INPUTS.flatMap(name => [`INPUT_${name.toUpperCase()}`, ...environmentVariables(name)]),
];
const PROXY_VARIABLES = /^(?:https?|all)_proxy$/i;

/**
 * Registers the secrets of the inputs and the environment with the runner, which replaces them in the log of the job. By itself,
 * the runner masks only the secrets of the workflow, not those in the environment of a host. Call it before any other output.
 */
export function maskSecrets(env: Environment): void {
  const secrets = SECRET_VARIABLES.map(name => env[name]?.trim() ?? '');
  for (const [name, value] of Object.entries(env)) {
    if (PROXY_VARIABLES.test(name)) secrets.push(...passwordsOf(value ?? ''));
  }
  for (const secret of new Set(secrets)) if (secret !== '') maskSecret(secret);
}

/** Returns the password of a proxy's URL, both as it is written and decoded. */
function passwordsOf(text: string): readonly string[] {
  const url = text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(url)) return [];
  const { password } = new URL(url);
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}
