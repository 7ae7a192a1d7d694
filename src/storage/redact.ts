/** Forms of secrets: JSON web tokens, access key ids, and the values of headers and parameters with secrets. */
const SECRETS = [
  /\beyJ[\w-]*(?:\.[\w-]*)*/g,
  /\bA[KS]IA[A-Z0-9]{12,}\b/g,
  /(?<=\b(?:authorization|x-amz-security-token|x-amz-credential|x-amz-signature|token|secret|password)["']?\s*[:=]\s*).*/gi,
];

/** Replaces each part of a foreign text that has the form of a secret by `***`. */
export function redact(text: string): string {
  return SECRETS.reduce((redacted, secret) => redacted.replace(secret, '***'), text);
}
