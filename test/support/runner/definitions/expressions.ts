import { type data as dataTypes, Evaluator, Lexer, Parser } from '@actions/expressions';
import * as data from '@actions/expressions/data/index';
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/index';
import { isBasicExpression, isMapping, isScalar, isSequence } from './parser.ts';

type ExpressionData = dataTypes.ExpressionData;

interface FunctionDefinition {
  readonly name: string;
  readonly minArgs: number;
  readonly maxArgs: number;
  call(...args: ExpressionData[]): ExpressionData;
}

/** `skipped`: a job that it needs did not run, so neither `success()` nor `failure()` is true. */
export type Status = 'success' | 'failure' | 'cancelled' | 'skipped';

/** The values of an expression. They change while a job runs, so each evaluation calls these functions again. */
export interface ExpressionScope {
  /** Returns the contexts by name, as plain JSON. */
  contexts(): Record<string, unknown>;
  /** Returns the status for `success()`, `failure()` and `cancelled()`. */
  status(): Status;
  /** Returns the SHA-256 over the files that match, or '' if none does. */
  hashFiles(patterns: readonly string[]): Promise<string>;
}

/** `hashFiles` reads files, but the evaluator is synchronous: the hash is computed and the expression evaluated again. */
class NeedsHash extends Error {
  readonly patterns: readonly string[];
  constructor(patterns: readonly string[]) {
    super('hashFiles');
    this.patterns = patterns;
  }
}

/** Evaluates the inside of `${{ }}` with GitHub's own grammar and rules of comparison. */
async function evaluate(expression: string, scope: ExpressionScope): Promise<ExpressionData> {
  const hashes = new Map<string, string>();
  const functions = functionsOf(scope, hashes);
  const contexts = scope.contexts();
  const tokens = new Lexer(expression).lex().tokens;
  const tree = new Parser(tokens, Object.keys(contexts), [...functions.values()]).parse();
  const known = toData(contexts) as dataTypes.Dictionary;
  for (;;) {
    try {
      return new Evaluator(tree, known, functions).evaluate();
    } catch (error) {
      if (!(error instanceof NeedsHash)) throw error;
      hashes.set(JSON.stringify(error.patterns), await scope.hashFiles(error.patterns));
    }
  }
}

function functionsOf(
  scope: ExpressionScope,
  hashes: ReadonlyMap<string, string>,
): Map<string, FunctionDefinition> {
  const truth = (name: string, value: () => boolean): FunctionDefinition => ({
    name,
    minArgs: 0,
    maxArgs: 0,
    call: () => new data.BooleanData(value()),
  });
  const hashFiles: FunctionDefinition = {
    name: 'hashFiles',
    minArgs: 1,
    maxArgs: 255,
    call(...args: ExpressionData[]) {
      const patterns = args.map(arg => arg.coerceString());
      const hash = hashes.get(JSON.stringify(patterns));
      if (hash === undefined) throw new NeedsHash(patterns);
      return new data.StringData(hash);
    },
  };
  return new Map([
    ['always', truth('always', () => true)],
    ['success', truth('success', () => scope.status() === 'success')],
    ['failure', truth('failure', () => scope.status() === 'failure')],
    ['cancelled', truth('cancelled', () => scope.status() === 'cancelled')],
    ['hashfiles', hashFiles],
  ]);
}

/** Returns whether a condition (without `${{ }}`) is true. */
export async function evaluateCondition(expression: string, scope: ExpressionScope): Promise<boolean> {
  const value = fromData(await evaluate(`!!(${expression})`, scope));
  return value === true;
}

/** Returns a scalar of a workflow as text: a literal, or the value of an expression. */
export async function evaluateText(
  token: TemplateToken | undefined,
  scope: ExpressionScope,
): Promise<string> {
  if (token === undefined) return '';
  if (isBasicExpression(token)) return (await evaluate(token.expression, scope)).coerceString();
  return isScalar(token) ? token.toString() : '';
}

/** Returns any value of a workflow as plain JSON. */
export async function evaluateValue(
  token: TemplateToken | undefined,
  scope: ExpressionScope,
): Promise<unknown> {
  if (token === undefined) return undefined;
  if (isBasicExpression(token)) return fromData(await evaluate(token.expression, scope));
  if (isSequence(token)) {
    const items: unknown[] = [];
    for (let index = 0; index < token.count; index++)
      items.push(await evaluateValue(token.get(index), scope));
    return items;
  }
  if (isMapping(token)) {
    const record: Record<string, unknown> = {};
    for (const { key, value } of token)
      record[await evaluateText(key, scope)] = await evaluateValue(value, scope);
    return record;
  }
  return (token as unknown as { value?: unknown }).value ?? null;
}

/** Returns a mapping (`env`, `with`, `outputs`) with its values as text. */
export async function evaluateTexts(
  token: TemplateToken | undefined,
  scope: ExpressionScope,
): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  if (token === undefined) return texts;
  if (isMapping(token)) {
    for (const { key, value } of token) texts[key.toString()] = await evaluateText(value, scope);
    return texts;
  }
  const whole = (await evaluateValue(token, scope)) ?? {};
  for (const [name, value] of Object.entries(whole)) texts[name] = toData(value).coerceString();
  return texts;
}

function toData(value: unknown): ExpressionData {
  return JSON.parse(JSON.stringify(value ?? null), data.reviver) as ExpressionData;
}

function fromData(value: ExpressionData): unknown {
  return JSON.parse(JSON.stringify(value, data.replacer));
}
