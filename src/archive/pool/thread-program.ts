/** Returns the program of a thread: beside the bundle that holds this module, or in the sources. */
export function threadProgram(name: 'worker' | 'sender'): URL {
  const here = import.meta.url;
  return new URL(here.endsWith('.ts') ? `../../${name}.ts` : `./${name}.js`, here);
}
