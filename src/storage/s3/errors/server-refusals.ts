import { ownEntry, QUOTA, type Refusal } from './refusals.ts';
import { isStatus, ResponseError } from './response-error.ts';

/** Refusals with codes or messages of single servers, as users of these servers have reported them. */

const VIRTUAL_HOST: Refusal = [
  { input: 'endpoint' },
  "this server accepts the bucket's name only in its host name, which the action uses for AWS alone",
];

/** Refusals by the codes of servers. */
const CODES: Readonly<Record<string, Refusal>> = {
  // Alibaba OSS; Tencent COS
  SecondLevelDomainForbidden: VIRTUAL_HOST,
  PathStyleDomainForbidden: VIRTUAL_HOST,
  // AWS, of objects in Glacier and the archive tiers
  InvalidObjectState: [
    "the bucket's lifecycle rules",
    'the object is in an archive storage class and cannot be read',
  ],
  // MinIO; NooBaa
  XMinioAdminBucketQuotaExceeded: QUOTA,
  ObjectQuotaExceeded: QUOTA,
  XMinioStorageFull: ["the server's storage", 'it is full'],
};

/** Refusals with a general code, which their message explains. */
const MESSAGES: readonly { readonly code: string; readonly message: RegExp; readonly refusal: Refusal }[] = [
  {
    // Scaleway: "Part number must be an integer between 1 and 1000, inclusive"
    code: 'InvalidArgument',
    message: /part number/i,
    refusal: [{ input: 'upload-chunk-size' }, 'the server does not accept so many parts; set a larger size'],
  },
  {
    // Cloudflare R2: "All non-trailing parts must have the same length."
    code: 'InvalidPart',
    message: /same length/i,
    refusal: [
      { input: 'upload-chunk-size' },
      'the server requires parts of one size, but parts grow after the first 3000; set a larger size',
    ],
  },
  {
    // Cloudflare R2: "Credential access key has length 20, should be 32"
    code: 'InvalidArgument',
    message: /access key has length/i,
    refusal: [{ input: 'accessKey' }, 'it is not an access key of this server'],
  },
];

/** Explains a refusal by the server's own code or message. Returns undefined if neither is known. */
export function serverRefusal(error: unknown): Refusal | undefined {
  if (!(error instanceof ResponseError)) return undefined;
  const { code, quotedMessage } = error;
  return (
    ownEntry(CODES, code) ??
    MESSAGES.find(one => one.code === code && one.message.test(quotedMessage))?.refusal
  );
}

/** Returns the server's message about denied access, or '' if it gives no reason. AWS, Backblaze B2 and Garage give one. */
export function denialOf(error: unknown): string {
  if (!(error instanceof ResponseError) || error.code !== 'AccessDenied') return '';
  return /^: "access denied\.?"$/i.test(error.quotedMessage) ? '' : error.quotedMessage;
}

/**
 * Returns whether the server does not support conditions on writes: 501, or on Backblaze B2 also 400 InvalidArgument,
 * "Unsupported header '…' received for this API call."
 */
export function lacksConditions(error: unknown): boolean {
  if (isStatus(error, 501)) return true;
  return isStatus(error, 400) && /header.{1,20}\bif-(?:none-)?match\b/i.test(error.quotedMessage);
}
