/** A kind of quantity as people write it: a size such as `2.2MB`, or an age such as `7d`. */
export type Quantity = ReturnType<typeof quantityOf>;

/** Sizes, in bytes. A number without a unit is in bytes. */
export const SIZE = quantityOf('a size such as 500MB, 2.2GB or 200GiB', {
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
});

/** Ages, in ms. A number without a unit is none. */
export const AGE = quantityOf('an age such as 12h, 7d or 4w', {
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
});

/** Makes a kind of quantity. `form` has the accepted forms, for a message. */
function quantityOf(form: string, units: Readonly<Record<string, number>>) {
  /** Returns whole bytes or ms. Returns undefined if the text has another form. */
  const parse = (text: string) => {
    const [, number, unit = ''] = /^(\d{1,15}(?:\.\d{1,15})?) ?([a-z]{0,3})$/i.exec(text.trim()) ?? [];
    const factor = units[unit.toLowerCase()];
    if (number === undefined || factor === undefined) return undefined;
    const value = Math.round(Number(number) * factor);
    return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
  };
  return { form, parse };
}
