import { defineRoles, minioPolicy, type PolicyOptions, providerArn, type RoleDefinition } from './servers.ts';

/** The roles as a shell script for the server's operator. */

/** Returns a script that creates the provider, the roles and their policies. */
export function policyScript(options: PolicyOptions): string {
  const { server, repository, repositoryId, bucket } = options;
  const head = `# Roles for the caches of ${repository} (${repositoryId}) in the bucket ${bucket}.`;
  const parts =
    server === 'minio' ? minioParts(options) : server === 'aws' ? awsParts(options) : rgwParts(options);
  return `${[head, ...parts].join('\n\n')}\n`;
}

function rgwParts(options: PolicyOptions): readonly string[] {
  const { endpoint, issuer, audience, thumbprints, account } = options;
  const aws = `aws --endpoint-url ${quote(endpoint)} iam`;
  const words = thumbprints.length > 0 ? thumbprints.join(' ') : `$(${computedThumbprints(issuer)})`;
  const tenant = account === '' ? '' : ` --tenant=${account}`;
  return [
    `# Once for the cluster: the gateways serve an STS, and a user may manage providers. The keys of this user are
# those that the command aws uses below. Restart the gateways after the first two commands.
#   ceph config set client.rgw rgw_sts_key "$(openssl rand -hex 8)"
#   ceph config set client.rgw rgw_s3_auth_use_sts true
#   radosgw-admin caps add --uid=USER --caps='oidc-provider=*;roles=*'`,
    `# The provider of the tokens, once for all repositories. The thumbprints are those of the certificates in its key set.
${aws} get-open-id-connect-provider --open-id-connect-provider-arn ${quote(providerArn(options))} >/dev/null 2>&1 ||
  ${aws} create-open-id-connect-provider --url ${quote(issuer)} --client-id-list ${quote(audience)} \\
    --thumbprint-list ${words}`,
    ...defineRoles(options).map(
      role => `# ${DESCRIPTIONS[role.kind]}
radosgw-admin role create${tenant} --role-name=${role.name} \\
  --assume-role-policy-doc=${quote(JSON.stringify(role.trust))}
radosgw-admin role-policy put${tenant} --role-name=${role.name} --policy-name=cache \\
  --policy-doc=${quote(JSON.stringify(role.permissions))}`,
    ),
    workflow(options, defineRoles(options)),
  ];
}

/** Returns a command that prints the SHA-1 of each certificate in the key set of the issuer. */
function computedThumbprints(issuer: string): string {
  return `curl -fsS ${quote(`${issuer}/.well-known/jwks`)} | jq -r '.keys[].x5c[0]? // empty' |
      while read -r one; do printf %s "$one" | base64 -d | openssl dgst -sha1 -r | cut -c1-40; done`;
}

function awsParts(options: PolicyOptions): readonly string[] {
  const { issuer, audience } = options;
  return [
    `# The provider of the tokens, once for the account.
aws iam get-open-id-connect-provider --open-id-connect-provider-arn ${quote(providerArn(options))} >/dev/null 2>&1 ||
  aws iam create-open-id-connect-provider --url ${quote(issuer)} --client-id-list ${quote(audience)}`,
    ...defineRoles(options).map(
      role => `# ${DESCRIPTIONS[role.kind]}
aws iam create-role --role-name ${role.name} \\
  --assume-role-policy-document ${quote(JSON.stringify(role.trust))}
aws iam put-role-policy --role-name ${role.name} --policy-name cache \\
  --policy-document ${quote(JSON.stringify(role.permissions))}`,
    ),
    workflow(options, defineRoles(options)),
  ];
}

function minioParts(options: PolicyOptions): readonly string[] {
  const { issuer, audience, rolePrefix } = options;
  const policy = quote(JSON.stringify(minioPolicy(options)));
  return [
    `# MinIO has one role for an audience, and decides by the subject of the token in its policy. Name the server "ci" first:
#   mc alias set ci ${options.endpoint} ADMIN SECRET`,
    `printf '%s\\n' ${policy} >${rolePrefix}.json
mc admin policy create ci ${rolePrefix} ${rolePrefix}.json
mc idp openid add ci ${rolePrefix} config_url=${quote(`${issuer}/.well-known/openid-configuration`)} \\
  client_id=${quote(audience)} role_policy=${rolePrefix}
mc admin service restart ci`,
    `# The role's ARN is in the output of: mc idp openid info ci ${rolePrefix}
# Set it as CACHE_S3_ROLE_TO_ASSUME in the workflow, which needs: permissions: { id-token: write, contents: read }`,
  ];
}

const DESCRIPTIONS: Readonly<Record<RoleDefinition['kind'], string>> = {
  read: 'Every run of the repository reads.',
  main: 'The default branch writes its own place.',
  branches: 'The other branches and merge queues write their places.',
  pulls: "Pull requests write their places, and so each other's.",
  prune: 'Runs of the default branch delete caches.',
  'prune-pulls': 'Runs of pull_request_target delete caches of pull requests.',
};

/** Describes the variables of the workflow. Two roles need no expression; a third one does. */
function workflow(options: PolicyOptions, roles: readonly RoleDefinition[]): string {
  const arn = (kind: RoleDefinition['kind']) => roles.find(role => role.kind === kind)?.arn;
  const [read, main, branches, pulls] = (['read', 'main', 'branches', 'pulls'] as const).map(arn);
  const defaultBranch = `github.ref == 'refs/heads/${options.defaultBranch.replaceAll("'", "''")}'`;
  const choices = [
    ...(pulls && (branches || main) ? [`github.event_name == 'pull_request' && '${pulls}'`] : []),
    ...(branches && main ? [`${defaultBranch} && '${main}'`] : []),
  ];
  const last = branches ?? main ?? pulls;
  const save =
    choices.length > 0 && last !== undefined ? `\${{ ${[...choices, `'${last}'`].join(' || ')} }}` : last;
  const lines = [
    'In the workflow:',
    '  permissions: { id-token: write, contents: read }',
    '  env:',
    ...(read ? [`    CACHE_S3_ROLE_TO_ASSUME: ${read}`] : []),
    ...(save ? [`    CACHE_S3_ROLE_TO_ASSUME_FOR_SAVE: ${save}`] : []),
  ];
  return lines.map(line => `# ${line}`).join('\n');
}

/** Quotes a word for a POSIX shell. */
function quote(text: string): string {
  return /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
