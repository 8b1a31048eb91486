import { parseRegularExpression, PatternError } from './regular-expression.ts';
import { schemaError, shown } from './schema-error.ts';
import { keyword } from './schema-node.ts';
import type { SchemaNode } from './schema-node.ts';
import { matching } from './string-automaton.ts';
import type { TextCondition } from './string-automaton.ts';
import { numberFormats, stringFormats } from './string-formats.ts';

/**
 * What `pattern` and `format` ask of a string, by pattern.
 *
 * @throws GemmaError `SCHEMA_UNSUPPORTED` for a pattern or format that is not supported.
 */
export function textConditions(nodes: readonly SchemaNode[]): ReadonlyMap<string, TextCondition> {
  const found = new Map<string, TextCondition>();
  for (const node of nodes) {
    const pattern = keyword(node, 'pattern');
    if (pattern !== undefined) found.set(pattern, conditionOf(pattern, node));
    const format = keyword(node, 'format');
    if (format === undefined || Object.hasOwn(numberFormats, format)) continue;
    const known = Object.hasOwn(stringFormats, format) ? stringFormats[format] : undefined;
    if (known === undefined) {
      throw schemaError(
        `${node.pointer}/format`,
        `one of the formats ${Object.keys(stringFormats).join(', ')} or, of numbers, ${Object.keys(numberFormats).join(', ')}`,
        shown(format),
        'Use pattern, or leave it out.',
      );
    }
    found.set(known, conditionOf(known, node));
  }
  return found;
}

function conditionOf(pattern: string, node: SchemaNode): TextCondition {
  try {
    return matching(parseRegularExpression(pattern));
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw schemaError(
      `${node.pointer}/pattern`,
      'a regular expression of characters, classes, groups, |, * + ? {m,n}, ^ and $',
      `${shown(pattern)} with ${error.message}`,
      'Write it without that.',
    );
  }
}
