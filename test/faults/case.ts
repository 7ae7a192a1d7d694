import { type Gateway, type GatewayOptions, startGateway } from '../support/gateway/gateway.ts';
import type { Lab } from './lab.ts';
import { type Phase, Scene } from './scene.ts';

/** One row of the fault table. */
export interface FaultCase {
  /** What breaks. */
  readonly fault: string;
  readonly op: 'restore' | 'save' | 'main' | 'post' | 'main, post';
  /** Also part of `npm test`. */
  readonly short: boolean;
  /** A gateway of its own, which the case may break; undefined: the shared one. */
  readonly gateway?: GatewayOptions | undefined;
  /** What the product promises, in ms; undefined: only that it ends. */
  readonly limitMs?: number | undefined;
  run(scene: Scene): Promise<Finding>;
}

/** What a case saw. */
export interface Finding {
  /** The lines that the user sees. */
  readonly says: readonly string[];
  readonly ms: number;
  readonly exit: string;
  /** What is left behind, for people. */
  readonly left: string;
  /** One sentence for each promise that was broken; empty: the row is green. */
  readonly violations: readonly string[];
  /** The same for promises with a time, which a machine with other work to do may break. */
  readonly late: readonly string[];
}

export async function runCase(lab: Lab, one: FaultCase): Promise<Finding> {
  const own: Gateway | undefined = one.gateway && (await startGateway(one.gateway));
  try {
    const scene = await Scene.open(lab, own ?? lab.gateway);
    try {
      return await one.run(scene);
    } finally {
      await scene.close();
    }
  } finally {
    await own?.stop();
  }
}

export function exitOf(phase: Pick<Phase, 'exitCode' | 'signal'>): string {
  return phase.signal ?? String(phase.exitCode);
}

/** The lines of a phase that a user reads: commands, or what it says at the end where there are none. */
export function visibleLines(phase: Phase): string[] {
  const lines = phase.lines.map(({ text }) => text);
  const commands = lines.flatMap(line => {
    const [, level, text] = /^::(warning|notice|error)[^:]*::(.*)$/.exec(line) ?? [];
    return level === undefined ? [] : [`${level}: ${text}`];
  });
  if (commands.length > 0) return commands;
  const said = lines.filter(line => /^(?:Cache|Failed) /.test(line));
  return said.slice(-1);
}
