/**
 * Settings that a client of the SDK would otherwise read from the environment and from ~/.aws, at the start or at each call.
 * The client would fail without a home directory, and hang on a FIFO.
 */
export const SDK_CONSTANTS = {
  maxAttempts: 1,
  retryMode: 'standard',
  defaultsMode: 'standard',
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  ignoreConfiguredEndpointUrls: true,
  disableClockSkewCorrection: false,
  authSchemePreference: [] as string[],
  sigv4aSigningRegionSet: [] as string[],
  userAgentAppId: async () => undefined,
} as const;
