/**
 * Settings that a client of the SDK would otherwise read from the environment and from ~/.aws, at the start or at each call.
 * It reads these files without a limit: it fails without a home directory and hangs on a FIFO.
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
