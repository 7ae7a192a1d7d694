/** Sizes and ages as people write them: `2.2MB`, `200GB`, `7d`. */

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const AGE_UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/** Describes the forms of a size, for a message. */
export const SIZE_FORM = 'a size such as 500MB, 2.2GB or 200GiB';
/** Describes the forms of an age, for a message. */
export const AGE_FORM = 'an age such as 12h, 7d or 4w';

/** Returns a size in whole bytes. A number without a unit is in bytes. Returns undefined if it has another form. */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, SIZE_UNITS);
}

/** Returns an age in whole ms. It needs a unit. Returns undefined if it has another form. */
export function parseAge(text: string): number | undefined {
  return parseQuantity(text, AGE_UNITS);
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, number, unit = ''] = /^(\d{1,15}(?:\.\d{1,15})?) ?([a-z]{0,3})$/i.exec(text.trim()) ?? [];
  const name = unit.toLowerCase();
  if (number === undefined || !Object.hasOwn(units, name)) return undefined;
  const value = Math.round(Number(number) * units[name]!);
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}
