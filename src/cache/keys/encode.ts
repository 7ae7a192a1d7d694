/**
 * One component of an object name. Bytes outside `[A-Za-z0-9._-]` become `=XX`, the upper-case hex of the UTF-8 byte:
 * `%` would meet RADOS Gateway's double decoding of copy sources (radosgw 16.2.15, observed). A leading dot is encoded
 * as well, so that no component is `.` or `..`.
 *
 * The encoding is byte by byte: the encoding of a prefix is a prefix of the encoding.
 */
export function encodeComponent(text: string): string {
  let encoded = '';
  for (const byte of new TextEncoder().encode(text)) {
    const plain = isPlain(byte) && !(byte === DOT && encoded === '');
    encoded += plain ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** The inverse of `encodeComponent`; undefined: not the encoding of any text. */
export function decodeComponent(encoded: string): string | undefined {
  const bytes: number[] = [];
  for (let i = 0; i < encoded.length; i++) {
    const code = encoded.charCodeAt(i);
    if (code === EQUALS) {
      const hex = encoded.slice(i + 1, i + 3);
      if (!/^[0-9A-F]{2}$/.test(hex)) return undefined;
      bytes.push(Number.parseInt(hex, 16));
      i += 2;
    } else if (isPlain(code)) {
      bytes.push(code);
    } else {
      return undefined;
    }
  }
  const text = new TextDecoder().decode(Uint8Array.from(bytes));
  // A second spelling of the same text would let two objects claim one key.
  return encodeComponent(text) === encoded ? text : undefined;
}

const DOT = 0x2e;
const EQUALS = 0x3d;

function isPlain(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) || // 0-9
    (byte >= 0x41 && byte <= 0x5a) || // A-Z
    (byte >= 0x61 && byte <= 0x7a) || // a-z
    byte === DOT ||
    byte === 0x2d || // -
    byte === 0x5f // _
  );
}
