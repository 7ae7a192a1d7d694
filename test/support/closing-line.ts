/**
 * Reads the fields of a phase's closing line, `cache-s3: op=save result=saved bytes=1 ...`. Returns undefined if `output`
 * has none.
 */
export function readClosingLine(output: string): Readonly<Record<string, string>> | undefined {
  const line = /^[\w-]+: (op=.*)$/m.exec(output)?.[1];
  if (line === undefined) return undefined;
  return Object.fromEntries(line.split(' ').map(pair => pair.split('=') as [string, string]));
}
