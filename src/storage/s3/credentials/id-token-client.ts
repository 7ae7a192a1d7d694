/** The runner's client for OIDC tokens. The build makes a separate file of this module, because few runs assume a role. */
export { getIDToken } from '@actions/core';
