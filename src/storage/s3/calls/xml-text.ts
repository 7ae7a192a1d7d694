import { knownTime } from '../known-time.ts';

/**
 * Rewrites the times of a document to the form that the SDK reads. Removes unknown ones, for which the SDK would refuse the whole
 * document. Takes time linear in its length.
 */
export function withPlainTimes(document: string): string {
  return document.replace(
    /<(LastModified|Initiated|Expiration|RestoreExpiryDate)\b(?:[^<>]*\/>|[^<>]*>([^<]*)<\/\1>)/g,
    (_, name, text = '') => {
      const ms = knownTime(decodeReferences(text));
      return ms === undefined ? '' : `<${name}>${new Date(ms).toISOString()}</${name}>`;
    },
  );
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Decodes references to characters (XML 1.0, 4.1 and 4.6). Returns undefined if one names no character. */
export function decodeReferences(text: string): string | undefined {
  if (!text.includes('&')) return text;
  let isValid = true;
  const decoded = text.replace(
    /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));/g,
    (_, decimal, hexadecimal, name) => {
      if (name) return NAMED[name]!;
      const code = Number(decimal ?? `0x${hexadecimal}`);
      isValid &&= code <= 0x10ffff;
      return isValid ? String.fromCodePoint(code) : '';
    },
  );
  return isValid ? decoded : undefined;
}
