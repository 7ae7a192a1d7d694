import { quoteValue } from '../inputs/read-input.ts';
import type { StepPlan } from './plan.ts';

/**
 * Settings that decide where requests go and whose certificates are accepted, by the name of their input. Nothing secret:
 * they are kept in the state, since a program of the job can change the environment between the two phases.
 */
export type TargetPin = Readonly<Record<string, string>>;

export function pinOf({ target, inputs }: StepPlan): TargetPin {
  switch (target.kind) {
    case 'github':
      return { bucket: '' };
    case 'directory':
      return { endpoint: target.root, prefix: inputs.prefix, scope: inputs.scope };
    case 's3': {
      const { endpoint, region, bucket, caFile = '' } = target.settings;
      return {
        endpoint: endpoint?.href ?? '',
        region,
        bucket,
        'ca-file': caFile,
        'sts-endpoint': inputs.stsEndpoint,
        prefix: inputs.prefix,
        scope: inputs.scope,
      };
    }
  }
}

/** Returns the line that reports a setting that has changed since the main phase, undefined if none has. */
export function pinProblem(pinned: TargetPin, current: TargetPin): string | undefined {
  const changed = [...Object.keys(pinned), ...Object.keys(current)].find(
    name => pinned[name] !== current[name],
  );
  if (changed === undefined) return undefined;
  const [before, now] = [pinned, current].map(pin => quoteValue(pin[changed] ?? ''));
  return `Cache not saved: input '${changed}' is ${now} and was ${before} in the restore step, so no request was sent to either. Set it for the whole job, or use restore/ and save/.`;
}
