import type { S3Settings } from '../../storage/s3/s3-settings.ts';
import { quoteValue } from '../inputs/read-input.ts';
import type { StepPlan } from './plan.ts';

/**
 * Settings of the server that gets requests and of the accepted certificates, by the names of their inputs. The state keeps them,
 * because a program of the job can change the environment between the two phases. None is secret.
 */
export type TargetPin = Readonly<Record<string, string>>;

/** Returns the settings of a step's store. */
export function pinOf({ target, inputs }: StepPlan): TargetPin {
  switch (target.kind) {
    case 'github':
      return { bucket: '' };
    case 'directory':
      return { endpoint: target.root, prefix: inputs.prefix, scope: inputs.scope };
    case 's3': {
      const { endpoint, region, bucket, caFile = '' } = target.settings;
      const sts = hostSts(target.settings);
      return {
        endpoint: endpoint?.href ?? '',
        region,
        bucket,
        'ca-file': caFile,
        'sts-endpoint': inputs.stsEndpoint,
        prefix: inputs.prefix,
        scope: inputs.scope,
        ...(sts !== undefined && { [STS_VARIABLE]: sts }),
      };
    }
  }
}

const STS_VARIABLE = 'AWS_ENDPOINT_URL_STS';

/** Returns the STS that gets a web identity token of the host, or '' for the STS of AWS. Returns undefined if there are keys or a role. */
function hostSts({ credentials, role, environment: env }: S3Settings): string | undefined {
  if (credentials || role || env.AWS_ACCESS_KEY_ID) return undefined;
  return env.AWS_ENDPOINT_URL_STS || env.AWS_ENDPOINT_URL || '';
}

/** Returns the line that reports a setting that has changed since the main phase. Returns undefined if none has. */
export function pinProblem(pinned: TargetPin, current: TargetPin): string | undefined {
  // A step between the phases may set keys, and then no STS is used
  const isUsed = (name: string) => name !== STS_VARIABLE || (name in pinned && name in current);
  const changed = [...Object.keys(pinned), ...Object.keys(current)].find(
    name => pinned[name] !== current[name] && isUsed(name),
  );
  if (changed === undefined) return undefined;
  const [before, now] = [pinned, current].map(pin => quoteValue(pin[changed] ?? ''));
  const setting = changed === STS_VARIABLE ? changed : `input '${changed}'`;
  return `Cache not saved: ${setting} is ${now} and was ${before} in the restore step, so no request was sent to either. Set it for the whole job, or use restore/ and save/.`;
}
