/** The runner's client for OIDC tokens, in a module that the build makes a separate file: few runs take a role. */
export { getIDToken } from '@actions/core';
