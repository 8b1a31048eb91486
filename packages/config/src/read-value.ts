import { GemmaError, nearestNames } from '@gemma-cli/contracts';
import { findAncestorKey } from './ancestor-keys.ts';
import { configKeys, findKeyDefinition } from './config-keys.ts';
import type { KeyDefinition } from './config-keys.ts';

/** Where a value stands, for messages. */
export interface ValuePlace {
  /** As an end of a sentence: `in FILE:3`, `from the variable NAME`. */
  readonly words: string;
  /** Facts for the error. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/**
 * Checks a value for a key and resolves it: durations become milliseconds.
 *
 * @throws GemmaError `CONFIG_INVALID`.
 */
export function readValue(definition: KeyDefinition, value: unknown, place: ValuePlace, project = false): unknown {
  const result = definition.schema.safeParse(value);
  if (!result.success) throw invalid(`Expected ${definition.key} to be ${definition.type}, got ${shown(value)}`);
  if (!project) return result.data;
  if (!definition.project) {
    throw invalid(
      `A project file may not set ${definition.key}: a cloned repository must not choose programs, addresses or limits. Move the line to the user file (\`gemma config set ${definition.key} …\`)`,
    );
  }
  if (!definition.projectSchema.safeParse(value).success) {
    throw invalid(`A project file may set ${definition.key} only to ${definition.projectType}, got ${shown(value)}`);
  }
  return result.data;

  function invalid(sentence: string): GemmaError {
    return new GemmaError({
      code: 'CONFIG_INVALID',
      message: `${sentence}, ${place.words}.`,
      facts: { key: definition.key, expected: definition.type, ...place.facts },
    });
  }
}

/** The definition of a key that must exist. */
export function requireKeyDefinition(key: string, place?: ValuePlace): KeyDefinition {
  const definition = findKeyDefinition(key);
  if (definition === undefined) throw unknownKey(key, place);
  return definition;
}

/** The error for a key that does not exist, with the nearest one that does. */
export function unknownKey(key: string, place?: ValuePlace): GemmaError {
  const ancestor = /^[\w.-]+$/.test(key) ? findAncestorKey(key.split('.')) : undefined;
  const [nearest = null] = nearestNames(
    key,
    configKeys.map((row) => row.key),
    1,
  );
  const hint =
    ancestor?.type === 'ignored'
      ? `It is a key of the Python gemma_cli without effect here: ${ancestor.reason}.`
      : ancestor?.type === 'renamed'
        ? `It is called ${ancestor.to} now.`
        : nearest === null
          ? '`gemma config list` shows all keys.'
          : `Did you mean ${nearest}? \`gemma config list\` shows all keys.`;
  return new GemmaError({
    code: 'CONFIG_UNKNOWN_KEY',
    message: `There is no configuration key ${shortened(key)}${place === undefined ? '' : `, ${place.words}`}. ${hint}`,
    facts: { key: shortened(key), nearest: ancestor?.type === 'renamed' ? ancestor.to : nearest, ...place?.facts },
  });
}

/** A value as a message shows it. */
function shown(value: unknown): string {
  const text =
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}` : inner)) ?? 'nothing';
  const kind =
    value === null
      ? 'nothing'
      : Array.isArray(value)
        ? 'a list'
        : `a ${typeof value === 'object' ? 'table' : typeof value}`;
  return `${shortened(text)} (${kind})`;
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
