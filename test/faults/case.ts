import { type Gateway, type GatewayOptions, startGateway } from '../support/gateway/gateway.ts';
import type { FaultLab } from './lab.ts';
import type { PhaseResult, PhaseRunOptions } from './phase-runner.ts';
import { Scene } from './scene.ts';

/** One row of the fault table. */
export interface FaultCase {
  readonly fault: string;
  readonly phase: 'restore' | 'save' | 'main' | 'post' | 'main, post';
  /** Runs in `npm test` too. */
  readonly short: boolean;
  /** A gateway that only this case uses and may break. Undefined if it uses the shared one. */
  readonly gateway?: GatewayOptions | undefined;
  /** The promised time in ms. Undefined if the phase must only end. */
  readonly limitMs?: number | undefined;
  run(scene: Scene): Promise<Finding>;
}

/** A fault of one phase, and the promises beside those of every case. */
export interface FaultSpec extends Partial<Pick<FaultCase, 'short' | 'gateway' | 'limitMs'>> {
  /** Prepares the fault. Returns options of the phase. */
  arrange(scene: Scene): PhaseRunOptions | undefined | Promise<PhaseRunOptions | undefined>;
  /** Allowed exit codes and signals, `0` by default. */
  readonly exitCodes?: readonly string[];
  /** A line that the phase must print. */
  readonly message?: RegExp;
  /** Ends the fault after the phase, where it would affect the checks. */
  endFault?(scene: Scene): Promise<void>;
  /** Checks further promises. Returns a sentence for each that is broken. */
  check?(scene: Scene, phase: PhaseResult): Promise<readonly string[]>;
}

/** The result of a case. */
export interface Finding {
  /** The lines that the user sees. */
  readonly messages: readonly string[];
  readonly ms: number;
  readonly exit: string;
  /** Describes the tree, objects and uploads after the phase. */
  readonly left: string;
  /** One sentence for each promise that was broken; empty if the row is green. */
  readonly violations: readonly string[];
  /** The same for promises of a time, which a busy machine may break. */
  readonly late: readonly string[];
}

export async function runCase(lab: FaultLab, one: FaultCase): Promise<Finding> {
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

export function exitOf(phase: Pick<PhaseResult, 'exitCode' | 'signal'>): string {
  return phase.signal ?? String(phase.exitCode);
}

/** Returns the annotations of a phase, or its last line about the cache if it has none. */
export function visibleLines(phase: PhaseResult): string[] {
  const lines = phase.lines.map(({ text }) => text);
  const annotations = lines.flatMap(line => {
    const [, level, text] = /^::(warning|notice|error)[^:]*::(.*)$/.exec(line) ?? [];
    return level === undefined ? [] : [`${level}: ${text}`];
  });
  if (annotations.length > 0) return annotations;
  return lines.filter(line => /^(?:Cache|Failed) /.test(line)).slice(-1);
}
