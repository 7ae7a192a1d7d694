/** Returns the program of a thread: beside the bundle that this module is in, or in the sources. */
export function threadProgram(name: 'worker' | 'sender'): URL {
  const here = import.meta.url;
  return new URL(here.endsWith('.ts') ? `../../${name}.ts` : `./${name}.js`, here);
}
