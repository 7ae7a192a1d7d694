import { Command, Option } from 'commander';
import type { Environment } from '../action/inputs/read-input.ts';
import { escapeLine } from '../action/runner/escape.ts';
import { VERSION } from '../version.ts';
import { runDoctor } from './doctor/doctor.ts';
import type { Invocation } from './invocation.ts';
import {
  readAge,
  readCount,
  readParallel,
  readPattern,
  readPositiveCount,
  readRepository,
  readRepositoryPattern,
  readSize,
} from './option-values.ts';
import { printPolicy } from './policy/policy.ts';
import { ROLE_KINDS } from './policy/roles.ts';
import { POLICY_SERVERS } from './policy/servers.ts';
import { type RunOptions, runWithoutStore, runWithStore } from './run-subcommand.ts';
import { SETTING_OPTIONS } from './settings.ts';
import { showStats } from './stats/stats.ts';
import { getCache } from './subcommands/get.ts';
import { listCaches } from './subcommands/list.ts';
import { SORTS } from './subcommands/select.ts';
import { showCache } from './subcommands/show.ts';
import { verifyCaches } from './subcommands/verify.ts';

/**
 * Declares the command with its subcommands and options. A subcommand ends when `signal` aborts. `parseAsync` prints a wrong use
 * and throws it as a `CommanderError`.
 */
export function createProgram(env: Environment, signal: AbortSignal): Command {
  const program = new Command('cache-s3')
    .description('Shows and maintains the caches of cache-s3 in a bucket or a directory.')
    .version(VERSION)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      outputError: (text, write) => write(`cache-s3: ${escapeLine(usageSentence(text))}\n`),
    })
    .option('--json', 'print one JSON document')
    .option('--verbose', 'print each request to standard error');
  for (const [flags, description] of Object.values(SETTING_OPTIONS)) program.option(flags, description);
  program.addHelpText('after', SETTINGS_HELP);

  const run = <T, Args extends readonly unknown[]>(
    subcommand: (invocation: Invocation, options: T, ...args: Args) => Promise<void>,
    options?: RunOptions,
  ) => runWithStore({ env, signal }, subcommand, options);

  addFilters(program.command('list'))
    .description('list the caches: repository, scope, key, age, last use, size')
    .addOption(new Option('--sort <order>', 'order of the rows').choices(SORTS).default('name'))
    .option('--reverse', 'reverse the order')
    .option('--limit <n>', 'maximum number of rows', readCount)
    .addHelpText('after', LIST_HELP)
    .action(run(listCaches));

  addPlace(program.command('show'))
    .argument('<key>', KEY_ARGUMENT)
    .description('show a cache: the run that saved it, its paths, entries, frames and largest files')
    .option('--files <n>', 'number of the largest files to show', readCount, 10)
    .addHelpText('after', formatExamples('show Linux-npm-3b1f0c --repository org/app'))
    .action(run(showCache));

  addPlace(program.command('get'))
    .argument('<key>', KEY_ARGUMENT)
    .argument('<directory>', 'directory to restore into, created if it does not exist')
    .description('restore a cache into a directory')
    .addHelpText('after', formatExamples('get Linux-npm-3b1f0c ./inspect'))
    .action(run(getCache, { outlivesPipe: true }));

  addFilters(program.command('stats'))
    .description('count the caches by repository, scope, key prefix, age and last use')
    .option('--top <n>', 'maximum number of rows of each table', readCount, 10)
    .option('--html <file>', 'also write a page with plots')
    .addHelpText('after', formatExamples('stats --html stats.html'))
    .action(run(showStats));

  addFilters(program.command('verify'))
    .description('check the manifest and every frame of the caches against their SHA-256')
    .option('--manifests', 'check the manifests only, and read no frames')
    .option('--parallel <n>', 'number of caches to read at the same time', readParallel, 4)
    .addHelpText('after', formatExamples('verify --newer-than 7d --parallel 8'))
    .action(run(verifyCaches, { outlivesPipe: true }));

  program
    .command('doctor')
    .description('try each call that a job makes, and show the setting or policy to change after a failure')
    .option(
      '--repository <name>',
      'write the trial objects in the place of this repository (owner/name)',
      readRepository,
    )
    .option(
      '--scope <name>',
      'write the trial objects in the place of this scope, such as refs/heads/main',
      readPattern,
    )
    .addHelpText('after', formatExamples('doctor', 'doctor --repository org/app --scope refs/heads/main'))
    .action(run(runDoctor, { outlivesPipe: true }));

  const prune = program
    .command('prune')
    .description('delete caches by use, age and size, with their markers, and uploads older than a day')
    .option('--unused <age>', 'delete caches that were neither saved nor restored for this time', readAge)
    .option('--max-age <age>', 'delete caches that were saved this long ago or earlier', readAge)
    .option(
      '--max-size <size>',
      'delete the least recently used caches until the remaining caches together have at most this size',
      readSize,
    )
    .option(
      '--per-repository <size>',
      'delete the least recently used caches of a repository until its remaining caches have at most this size',
      readSize,
    )
    .option(
      '--keep-newest <n>',
      'keep the newest n caches of each scope and path, even if another rule selects them',
      readPositiveCount,
    );
  addPatterns(prune, 'count and delete only caches')
    .option('-n, --dry-run', 'print the caches that would be deleted, and delete nothing')
    .addHelpText(
      'after',
      formatExamples(
        'prune --unused 7d --per-repository 10GB --max-size 200GB --dry-run',
        "prune --scope 'refs/pull/7/*'",
      ),
    )
    .action(
      run(
        async (...args: Parameters<Prune['pruneCommand']>) =>
          (await import('./subcommands/prune.ts')).pruneCommand(...args),
        { outlivesPipe: true },
      ),
    );

  addFilters(program.command('rm'))
    .description('delete the caches with these keys')
    .argument('<keys...>', 'patterns of keys, or names of objects')
    .option('-n, --dry-run', 'print the caches that would be deleted, and delete nothing')
    .addHelpText('after', formatExamples("rm 'Linux-npm-*' --repository org/app --dry-run"))
    .action(
      run(
        async (...args: Parameters<Prune['removeCommand']>) =>
          (await import('./subcommands/prune.ts')).removeCommand(...args),
        { outlivesPipe: true },
      ),
    );

  program
    .command('policy')
    .description('print the commands that create the roles of a repository; makes no request')
    .addOption(new Option('--server <server>', 'server of the bucket').choices(POLICY_SERVERS).default('rgw'))
    .requiredOption('--repository <owner/name>', 'the repository, spelled as on GitHub')
    .requiredOption('--repository-id <n>', 'number of the repository: gh api repos/OWNER/NAME --jq .id')
    .addOption(
      new Option('--roles <kinds...>', 'roles to create').choices(ROLE_KINDS).default(['read', 'main']),
    )
    .option('--default-branch <branch>', 'the branch whose caches all runs read', 'main')
    .option('--record-use', 'allow readers to note the last use of a cache')
    .option('--audience <text>', 'audience of the tokens (default: sts.amazonaws.com)')
    .option('--issuer <url>', 'issuer of the tokens', 'https://token.actions.githubusercontent.com')
    .option('--role-prefix <name>', "first part of the roles' names (default: cache-<repository id>)")
    .option('--account <id>', 'account of AWS, or tenant of RADOS Gateway')
    .option('--owner-id <n>', "number of the repository's owner (AWS, MinIO)")
    .option(
      '--environment <name>',
      'GitHub environment that jobs with the roles main and prune must name (AWS)',
    )
    .option('--thumbprint <sha1...>', "SHA-1 of the issuer's certificates (RADOS Gateway)")
    .action(runWithoutStore(env, printPolicy));

  return program;
}

/** Description of the argument that `findCache` reads. */
const KEY_ARGUMENT = 'key of the cache, or the name of its object';

const SETTINGS_HELP = `
A setting without its option is read from CACHE_S3_ENDPOINT, CACHE_S3_BUCKET, CACHE_S3_ACCESS_KEY, CACHE_S3_SECRET_KEY
and so on, then from AWS's variables and files, as in the action. Sizes: 500MB, 2.2GB, 1GiB. Ages: 12h, 7d, 4w.
In patterns, * is any text and ? one character.`;

/**
 * A module that is imported late, because it uses code of the action prune/. With a static import the bundler would put that code
 * into the command's file, which the action would then load (ADR 0022).
 */
type Prune = typeof import('./subcommands/prune.ts');

/** Returns examples for the end of a subcommand's help. */
function formatExamples(...lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map(line => `  cache-s3 ${line}`)].join('\n');
}

const LIST_HELP = `
REPOSITORY is - for a cache that all repositories share. LAST USE is - if no use is noted: a restore notes the use of a cache
that is older than a day, if its credentials allow it.
${formatExamples("list --repository 'org/*' --scope 'refs/pull/*' --unused 14d --sort size --limit 20")}`;

/** Returns a message of commander as one line, with its suggestion, which is a second line. */
export function usageSentence(text: string): string {
  return text
    .trimEnd()
    .replace(/^error: /, '')
    .replace(/^\(outputHelp\)$/, 'a subcommand is missing')
    .replace(/\n(?=\(Did you mean .*\)$)/, ' ');
}

/** Adds the options that select caches by their place. `caches` begins their descriptions. */
function addPlace(command: Command, caches = 'only caches'): Command {
  return command
    .option('--repository <pattern>', `${caches} of these repositories (owner/name)`, readRepositoryPattern)
    .option('--scope <pattern>', `${caches} of these scopes, such as 'refs/pull/*'`, readPattern);
}

/** Adds the options that select caches by patterns (`CachePatterns`). */
function addPatterns(command: Command, caches = 'only caches'): Command {
  return addPlace(command, caches).option('--key <pattern>', `${caches} with these keys`, readPattern);
}

/** Adds the options that select caches (`Filter`). */
function addFilters(command: Command): Command {
  return addPatterns(command)
    .option('--older-than <age>', 'only caches saved longer ago than this', readAge)
    .option('--newer-than <age>', 'only caches saved within this time', readAge)
    .option('--unused <age>', 'only caches neither saved nor restored within this time', readAge)
    .option('--used-within <age>', 'only caches saved or restored within this time', readAge)
    .option('--larger-than <size>', 'only caches of at least this size', readSize)
    .option('--smaller-than <size>', 'only caches of at most this size', readSize);
}
