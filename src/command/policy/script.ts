import { bucketArn, ROLE_DESCRIPTIONS, type RoleKind } from './roles.ts';
import { defineRoles, minioPolicy, type PolicyOptions, providerArn } from './servers.ts';

/** The roles as a shell script, which the server's operator runs. */

/** Returns a script that creates the provider, the roles and their policies, or brings those that exist to the same state. */
export function policyScript(options: PolicyOptions): string {
  const { server, repository, repositoryId, bucket } = options;
  const head = `# Roles for the caches of ${repository} (${repositoryId}) in the bucket ${bucket}. Run it with sh or bash.`;
  const parts =
    server === 'minio' ? minioParts(options) : server === 'aws' ? awsParts(options) : rgwParts(options);
  return `${[head, 'set -e', ...parts].join('\n\n')}\n`;
}

function rgwParts(options: PolicyOptions): readonly string[] {
  const { endpoint, account } = options;
  const aws = `aws --endpoint-url ${quote(endpoint)}`;
  const tenant = account === '' ? '' : ` --tenant=${account}`;
  const roles = defineRoles(options);
  return [
    `# Once for the cluster: the gateways serve an STS, and a user may manage providers. The keys that the command aws uses
# below are those of this user, who owns the bucket. Restart the gateways after the first two commands.
#   ceph config set client.rgw rgw_sts_key "$(openssl rand -hex 8)"
#   ceph config set client.rgw rgw_s3_auth_use_sts true
#   radosgw-admin caps add --uid=USER --caps='oidc-provider=*;roles=*'
#
# The script can be run again: it changes provider, roles and policies to fit its options, and deletes no role.`,
    rgwProvider(aws, options),
    ...roles.map(role => {
      const name = `${tenant} --role-name=${role.name}`;
      const trust = quote(JSON.stringify(role.trust));
      // Releases from Quincy on have `role-trust-policy modify` in place of `role modify`
      return `# ${ROLE_DESCRIPTIONS[role.kind]}
trust=${trust}
if radosgw-admin role get${name} >/dev/null 2>&1; then
  radosgw-admin role-trust-policy modify${name} --assume-role-policy-doc="$trust" >/dev/null 2>&1 ||
    radosgw-admin role modify${name} --assume-role-policy-doc="$trust"
else
  radosgw-admin role create${name} --assume-role-policy-doc="$trust"
fi
radosgw-admin role-policy put${name} --policy-name=cache \\
  --policy-doc=${quote(JSON.stringify(role.permissions))}`;
    }),
    ownerPolicy(aws, options),
    workflow(options, roles),
  ];
}

/**
 * Returns the command that creates the provider, or replaces it if it lacks the audience or a thumbprint: 16.2.15 has no call
 * that changes one. The audiences of other repositories stay. If the provider is deleted and cannot be created again, the script
 * prints the command with these audiences, because another run of the script would not have them.
 */
function rgwProvider(aws: string, options: PolicyOptions): string {
  const { issuer, audience, thumbprints } = options;
  const words = thumbprints.length > 0 ? quote(thumbprints.join(' ')) : `"$(${computedThumbprints(issuer)})"`;
  const arn = `--open-id-connect-provider-arn ${quote(providerArn(options))}`;
  const create = `${aws} iam create-open-id-connect-provider --url ${quote(issuer)} --thumbprint-list`;
  return `# The provider of the tokens, once for all repositories. The thumbprints are those of the certificates in its key set.
(
  set -f # Do not replace words by names of files
  thumbprints=${words}
  fail() { printf '%s\\n' "$1" >&2; exit 1; }
  [ -n "$thumbprints" ] || fail 'No certificate of the issuer was found, so the provider is not changed. Use --thumbprint, or install curl, jq and openssl.'
  get() { ${aws} iam get-open-id-connect-provider ${arn} --query "$1" --output text 2>/dev/null; }
  create() { ${create} $thumbprints --client-id-list "$@"; }
  if ids=$(get ClientIDList) && known=$(get ThumbprintList); then
    missing=
    for one in ${quote(audience)}; do case " $(echo $ids) " in *" $one "*) ;; *) missing=yes ids="\${ids#None} $one" ;; esac; done
    for one in $thumbprints; do case " $(echo $known) " in *" $one "*) ;; *) missing=yes ;; esac; done
    if [ -n "$missing" ]; then
      ${aws} iam delete-open-id-connect-provider ${arn}
      create $ids || fail "The provider of the tokens is deleted and could not be created again, so no run gets a role. Create it with: \
$(printf '%s ' ${quote(create)} $thumbprints) --client-id-list$(printf " '%s'" $ids)"
    fi
  else
    create ${quote(audience)}
  fi
)`;
}

/** The name of the statement that allows the owner of the bucket to read the objects of roles. */
const OWNER_SID = 'CacheOwnerReads';

/**
 * Returns the command that allows the keys of the bucket's owner to read the objects that roles have saved. On RADOS Gateway (16.2.15)
 * an object belongs to the user of the role that saved it. If the bucket has a policy already, it is not changed.
 */
function ownerPolicy(aws: string, { bucket }: PolicyOptions): string {
  // The keys of a tenant's user find its bucket by the name alone
  const name = quote(bucket.split(':').at(-1) ?? '');
  const resource = `${bucketArn(bucket)}/*`;
  return `# The owner of the bucket reads what roles have saved. Without this only the roles can read it.
(
  owner=$(${aws} s3api get-bucket-acl --bucket ${name} --query Owner.ID --output text) || exit 1
  case $owner in *'$'*) owner="\${owner%%'$'*}:user/\${owner#*'$'}" ;; *) owner=":user/$owner" ;; esac
  statement='{"Sid":"${OWNER_SID}","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::'$owner'"]},"Action":["s3:GetObject"],"Resource":["${resource}"]}'
  policy=$(${aws} s3api get-bucket-policy --bucket ${name} --query Policy --output text 2>&1) || :
  case $policy in
    *'"${OWNER_SID}"'*) ;;
    *NoSuchBucketPolicy*)
      ${aws} s3api put-bucket-policy --bucket ${name} --policy '{"Version":"2012-10-17","Statement":['"$statement"']}' ;;
    *) echo "The bucket has a policy, which is not changed. Add this statement to it: $statement" >&2 ;;
  esac
)`;
}

/** Returns a command that prints the SHA-1 of each certificate in the key set of the issuer. */
function computedThumbprints(issuer: string): string {
  return `curl -fsS ${quote(`${issuer}/.well-known/jwks`)} | jq -r '.keys[].x5c[0]? // empty' |
      while read -r one; do printf %s "$one" | base64 -d | openssl dgst -sha1 -r | cut -c1-40; done`;
}

function awsParts(options: PolicyOptions): readonly string[] {
  const { issuer, audience } = options;
  const roles = defineRoles(options);
  const arn = `--open-id-connect-provider-arn ${quote(providerArn(options))}`;
  return [
    `# The script can be run again: it changes provider, roles and policies to fit its options, and deletes no role.

# The provider of the tokens, once for the account.
if aws iam get-open-id-connect-provider ${arn} >/dev/null 2>&1; then
  aws iam add-client-id-to-open-id-connect-provider ${arn} --client-id ${quote(audience)}
else
  aws iam create-open-id-connect-provider --url ${quote(issuer)} --client-id-list ${quote(audience)}
fi`,
    ...roles.map(
      role => `# ${ROLE_DESCRIPTIONS[role.kind]}${role.kind === 'prune-pulls' ? `\n${ANY_PUSH}` : ''}
trust=${quote(JSON.stringify(role.trust))}
if aws iam get-role --role-name ${role.name} >/dev/null 2>&1; then
  aws iam update-assume-role-policy --role-name ${role.name} --policy-document "$trust"
else
  aws iam create-role --role-name ${role.name} --assume-role-policy-document "$trust"
fi
aws iam put-role-policy --role-name ${role.name} --policy-name cache \\
  --policy-document ${quote(JSON.stringify(role.permissions))}`,
    ),
    workflow(options, roles),
  ];
}

function minioParts(options: PolicyOptions): readonly string[] {
  const { issuer, audience, rolePrefix } = options;
  const policy = quote(JSON.stringify(minioPolicy(options)));
  const provider = `config_url=${quote(`${issuer}/.well-known/openid-configuration`)} client_id=${quote(audience)} role_policy=${rolePrefix}`;
  return [
    `# MinIO has one role for each audience, and its policy compares the subject of the token. Name the server "ci" first:
#   mc alias set ci ${options.endpoint} ADMIN SECRET`,
    `printf '%s\\n' ${policy} >${rolePrefix}.json
mc admin policy create ci ${rolePrefix} ${rolePrefix}.json
mc idp openid add ci ${rolePrefix} ${provider} || mc idp openid update ci ${rolePrefix} ${provider}
mc admin service restart ci`,
    `# The role's ARN is in the output of: mc idp openid info ci ${rolePrefix}
# Set it as CACHE_S3_ROLE_TO_ASSUME in the workflow, which needs: permissions: { id-token: write, contents: read }`,
  ];
}

/** Comment on `prune-pulls`: AWS has no condition key for the event, and these runs have the subject of a branch. */
const ANY_PUSH =
  '# On AWS every push to a branch can assume this role too. It is safer to leave it out and to use the role prune with --environment.';

/** Returns the variables of the workflow, as comments. With more than two roles, an expression chooses the role of the save. */
function workflow(options: PolicyOptions, roles: ReturnType<typeof defineRoles>): string {
  const arn = (kind: RoleKind) => roles.find(role => role.kind === kind)?.arn;
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
