/** This release, as in package.json (a test compares them): in the User-Agent and in every archive's manifest. */
export const VERSION = '0.1.0';
