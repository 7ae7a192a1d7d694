/** The runner's own client for OIDC tokens. One module, so that the build can make a file of it: few runs take a role. */
export { getIDToken } from '@actions/core';
