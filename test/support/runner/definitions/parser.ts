import { registerHooks } from 'node:module';

/**
 * GitHub's own parser of workflows and actions. It imports JSON without an import attribute, which bundlers accept and Node
 * refuses: the hook adds the attribute.
 */
const hooks = registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    return resolved.url.endsWith('-v1.0.min.json')
      ? { ...resolved, importAttributes: { type: 'json' } }
      : resolved;
  },
});

const workflows = await import('@actions/workflow-parser');
const actions = await import('@actions/workflow-parser/actions/index');
hooks.deregister();

export const { convertWorkflowTemplate, parseWorkflow, NoOperationTraceWriter } = workflows;
export const { isBasicExpression, isMapping, isScalar, isSequence } = workflows;
export const { convertActionTemplate, parseAction } = actions;
