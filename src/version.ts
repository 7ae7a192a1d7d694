/** The version of this release, as in package.json (a test compares them). The manifest of each archive contains it. */
export const VERSION = '0.1.0';
