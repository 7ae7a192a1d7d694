import { scratch } from '../../support/scratch.ts';
import { layoutIn, type PackedTree, packTree, restoreBytes } from './archives.ts';

/** Saves the tree of one directory and restores it to a new one. */
export async function saveAndRestore(
  from: string,
  patterns?: readonly string[],
): Promise<PackedTree & { readonly to: string }> {
  const packed = await packTree(layoutIn(from, patterns));
  const to = scratch();
  await restoreBytes(packed.object, layoutIn(to, patterns));
  return { ...packed, to };
}
