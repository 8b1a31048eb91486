import { GemmaError, isGemmaError, requestDefaults } from '@gemma-cli/contracts';
import type { ToolChoice, ToolDefinition } from '@gemma-cli/contracts';
import { invalidOption } from '../errors.ts';
import { anyCharacter, charactersOf, complement, intersection } from './character-set.ts';
import { choice, empty, literal, oneOf, repeat, sequence } from './expression.ts';
import type { Expression } from './expression.ts';
import { createGrammarBuilder } from './grammar-builder.ts';
import { valueOfSchema } from './json-schema-to-gbnf.ts';

/** Which tools there are and how they may be called. */
export interface ToolOptions {
  readonly tools: readonly ToolDefinition[];
  /** Default 'auto'. */
  readonly toolChoice?: ToolChoice | undefined;
  /** Whether one answer may hold several calls. Default false. */
  readonly parallel?: boolean | undefined;
}

/** Most calls of one answer: a model that repeats itself comes to an end. */
export const parallelCallsMax = 16;

/** How a Gemma model may begin a block that holds a call: as text it would be one that nobody makes. */
const callFences = ['```json', '```tool'];

/**
 * The grammar of an answer that may, or must, call tools: `{"name": "…", "arguments": {…}}` with arguments that fit the
 * tool's schema; with `parallel`, an array of such objects too; with choice 'auto', any text that begins otherwise: not with a
 * brace, a blank, or a code block that Gemma models put calls into.
 * `null` where tools are not to be called, with choice 'none' or without tools.
 *
 * @throws GemmaError `REQUEST_INVALID` for tools without a sound name or a choice that is none of them,
 *   `SCHEMA_UNSUPPORTED` for parameters that cannot be held to, with the tool in `facts.tool`.
 */
export function toolCallGrammar({ tools, toolChoice = 'auto', parallel = false }: ToolOptions): string | null {
  checkTools({ tools, toolChoice });
  if (toolChoice === 'none' || tools.length === 0) return null;
  const grammar = createGrammarBuilder();
  const allowed = typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : tools;
  const calls = allowed.map((tool) => sequence(literal(callHead(tool.name)), argumentsOf(tool), literal(callTail)));
  const call = grammar.define('call', choice(...calls));
  const further = grammar.define('further-call', sequence(literal(callSeparator), call));
  const options: Expression[] = [call];
  if (parallel) options.push(sequence(literal('['), call, repeat(further, 0, parallelCallsMax - 1), literal(']')));
  if (toolChoice === 'auto') options.push(freeText());
  return grammar.print(choice(...options));

  function argumentsOf(tool: ToolDefinition): Expression {
    try {
      return valueOfSchema(grammar, tool.parameters ?? noParameters, `${tool.name}-arguments`, { objectsOnly: true });
    } catch (error) {
      if (!isGemmaError(error)) throw error;
      throw new GemmaError({
        code: error.code,
        message: `The parameters of the tool ${tool.name}: ${error.message}`,
        facts: { ...error.facts, tool: tool.name },
        cause: error,
      });
    }
  }

  function freeText(): Expression {
    const words = parallel ? [...callFences, '[{'] : callFences;
    const starts = charactersOf(`{ \t\r\n${words.map((word) => word[0] ?? '').join('')}`);
    const rest = grammar.define('text', repeat(oneOf(anyCharacter), 0, null));
    const first = intersection(anyCharacter, complement(starts));
    return choice(empty, sequence(oneOf(first), rest), avoiding(words, rest));
  }
}

/** Schema of a tool without parameters: the empty object. */
export const noParameters = { type: 'object', properties: {}, additionalProperties: false, maxProperties: 0 };

/** What stands before the arguments: the same bytes whether the model writes a call or it is repeated in the conversation. */
export function callHead(name: string): string {
  return `{"name": ${JSON.stringify(name)}, "arguments": `;
}

/** What stands behind the arguments. */
export const callTail = '}';

/** What stands between calls. */
export const callSeparator = ', ';

/**
 * Checks names and choice.
 *
 * @throws GemmaError `REQUEST_INVALID`.
 */
function checkTools({ tools, toolChoice = 'auto' }: ToolOptions): void {
  if (tools.length > requestDefaults.toolsMax) {
    throw invalidOption('tools', `at most ${requestDefaults.toolsMax} tools`, tools.length);
  }
  const names = new Set<string>();
  for (const { name } of tools) {
    if (typeof name !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
      throw invalidOption('tools', 'names of 1 to 64 letters, digits, _ and -', name);
    }
    if (names.has(name)) throw invalidOption('tools', 'a name for each tool that no other has', name);
    names.add(name);
  }
  if (typeof toolChoice === 'object') {
    if (!names.has(toolChoice.name)) {
      throw invalidOption(
        'toolChoice',
        `one of the tools ${[...names].join(', ') || '(there are none)'}`,
        toolChoice.name,
      );
    }
  } else if (!['auto', 'none', 'required'].includes(toolChoice)) {
    throw invalidOption('toolChoice', "'auto', 'none', 'required' or the name of a tool", toolChoice);
  }
  if (toolChoice === 'required' && tools.length === 0)
    throw invalidOption('tools', 'at least one tool to call', 'none');
}

/** Texts that begin as these words do, and end or go on otherwise before they are whole. */
function avoiding(words: readonly string[], rest: Expression): Expression {
  const nexts = [...new Set(words.map((word) => word[0] ?? ''))];
  const options = nexts.flatMap((next) => {
    const further = words.filter((word) => word.startsWith(next)).map((word) => word.slice(1));
    if (further.includes('')) return [];
    const others = intersection(anyCharacter, complement(charactersOf(further.map((word) => word[0] ?? '').join(''))));
    return [sequence(literal(next), choice(empty, sequence(oneOf(others), rest), avoiding(further, rest)))];
  });
  return choice(...options);
}
