import type { WorkerOperation } from '@gemma-cli/contracts/worker-protocol';

/**
 * What is wrong with the result of an operation: a phrase for an error message, or nothing. Only a model process that is
 * broken or of another version sends such a result; a hand-written check costs less than a schema library per token.
 */
export function resultProblem(operation: WorkerOperation, result: unknown): string | undefined {
  if (typeof result !== 'object' || result === null) return 'no object';
  const fields = result as Record<string, unknown>;
  switch (operation) {
    case 'load':
      return (
        needs(fields, 'architecture', isString) ??
        needs(fields, 'contextTokens', isCount) ??
        needs(fields, 'trainContextTokens', isCount) ??
        needs(fields, 'batchTokens', isCount) ??
        needs(fields, 'embedding', (value) => value === null || isObject(value)) ??
        needs(fields, 'capabilities', isObject) ??
        needs(fields, 'runtime', isObject)
      );
    case 'tokenize':
      return needs(fields, 'tokens', (value) => Array.isArray(value) && value.every(isCount));
    case 'load-draft':
      return needs(fields, 'architecture', isString);
    case 'truncate':
    case 'copy':
    case 'load-state':
      return needs(fields, 'kept', isCount);
    case 'checkpoint':
      return needs(fields, 'bytes', isCount);
    case 'save-state':
      return needs(fields, 'bytes', isCount) ?? needs(fields, 'tokens', isCount);
    case 'evaluate':
      return (
        needs(fields, 'length', isCount) ?? needs(fields, 'ms', isDuration) ?? needs(fields, 'batchTokens', isCount)
      );
    case 'generate':
      return (
        needs(fields, 'length', isCount) ??
        needs(fields, 'draftedTokens', isCount) ??
        needs(fields, 'acceptedTokens', isCount) ??
        needs(fields, 'reason', (value) => value === 'stop' || value === 'length' || value === 'aborted')
      );
    case 'embed':
      return needs(fields, 'vectors', (value) => Array.isArray(value) && value.every(isString));
    case 'rank':
      return needs(fields, 'scores', (value) => Array.isArray(value) && value.every(Number.isFinite));
    case 'memory':
      return (
        needs(fields, 'resident', isCount) ?? needs(fields, 'anonymous', (value) => value === null || isCount(value))
      );
    case 'set-threads':
      return needs(fields, 'threads', isCount);
    case 'abort':
      return undefined;
    default:
      return operation satisfies never;
  }
}

function needs(
  fields: Record<string, unknown>,
  name: string,
  isSound: (value: unknown) => boolean,
): string | undefined {
  return isSound(fields[name]) ? undefined : `no usable '${name}'`;
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0;
}

function isDuration(value: unknown): boolean {
  return Number.isFinite(value) && (value as number) >= 0;
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
