import { ownEntry, QUOTA, type Refusal } from './refusals.ts';
import { isStatus, ResponseError } from './response-error.ts';

/** Refusals in the words of single servers, as users of these have reported them. */

const VIRTUAL_HOST: Refusal = [
  "the input 'endpoint'",
  "this server accepts the bucket's name only in its host name, which the action uses for AWS alone",
];

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

interface RefusalByMessage {
  readonly code: string;
  readonly message: RegExp;
  readonly refusal: Refusal;
}

const MESSAGES: readonly RefusalByMessage[] = [
  {
    // Scaleway: "Part number must be an integer between 1 and 1000, inclusive"
    code: 'InvalidArgument',
    message: /part number/i,
    refusal: ["the input 'upload-chunk-size'", 'the server does not accept so many parts; set a larger size'],
  },
  {
    // Cloudflare R2: "All non-trailing parts must have the same length."
    code: 'InvalidPart',
    message: /same length/i,
    refusal: [
      "the input 'upload-chunk-size'",
      'the server requires parts of one size, but parts grow after the first 3000; set a larger size',
    ],
  },
  {
    // Cloudflare R2: "Credential access key has length 20, should be 32"
    code: 'InvalidArgument',
    message: /access key has length/i,
    refusal: ["the input 'accessKey'", 'it is not an access key of this server'],
  },
];

/** Returns the refusal that a server's own code or message explains. Returns undefined if it has no form that is known. */
export function serverRefusal(error: unknown): Refusal | undefined {
  if (!(error instanceof ResponseError)) return undefined;
  const { code, quotedMessage } = error;
  return (
    ownEntry(CODES, code) ??
    MESSAGES.find(one => one.code === code && one.message.test(quotedMessage))?.refusal
  );
}

/** Returns the message of a server about denied access, if it has more to it than that (AWS, Backblaze B2, Garage). */
export function denialOf(error: unknown): string {
  if (!(error instanceof ResponseError) || error.code !== 'AccessDenied') return '';
  return /^: "access denied\.?"$/i.test(error.quotedMessage) ? '' : error.quotedMessage;
}

/**
 * Returns whether a server does not have conditions on writes: 501, or for Backblaze B2 also 400 InvalidArgument, "Unsupported
 * header '…' received for this API call."
 */
export function lacksConditions(error: unknown): boolean {
  if (isStatus(error, 501)) return true;
  return isStatus(error, 400) && /header.{1,20}\bif-(?:none-)?match\b/i.test(error.quotedMessage);
}
