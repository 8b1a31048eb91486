import { GemmaError } from '@gemma-cli/contracts';
import { empty, literal, never, oneOf, optional, choice, repeat, sequence } from './expression.ts';
import type { Expression } from './expression.ts';
import { anyCharacter, charactersOf, complement, intersection } from './character-set.ts';
import type { CharacterSet } from './character-set.ts';

/** Bounds of a grammar. */
export const grammarLimits = {
  /** llama.cpp copies the rules for each answer and scans them for left recursion: some milliseconds at this number. */
  rulesMax: 20_000,
  bytesMax: 2 * 1024 * 1024,
  /** Most repetitions that are counted exactly. */
  repetitionsMax: 65_536,
} as const;

/**
 * llama.cpp refuses more than 2,000 repetitions at a place, and takes `{m,2001}` for no bound at all, so longer ones are
 * made of blocks.
 */
const blockLength = 256;

/** Collects rules and prints them. */
export interface GrammarBuilder {
  /** A new rule with a name made of `hint`. */
  define(hint: string, expression: Expression): Expression;
  /** A name for a rule that is set later, so that rules may refer to themselves. */
  reserve(hint: string): string;
  set(name: string, expression: Expression): void;
  /** One rule for each key, made when it is first asked for. */
  shared(key: string, make: () => Expression): Expression;
  /** `min` to `max` times, exactly, up to `grammarLimits.repetitionsMax`. `null` = no bound. */
  times(part: Expression, min: number, max: number | null): Expression;
  /** Whether anything matches it. */
  isPossible(expression: Expression): boolean;
  /**
   * The grammar in the notation of llama.cpp, without what nothing can match. `null` when nothing matches `root`.
   *
   * @throws GemmaError `SCHEMA_UNSUPPORTED` when it is too large.
   */
  print(root: Expression): string | null;
}

export function createGrammarBuilder(): GrammarBuilder {
  const rules = new Map<string, Expression>();
  const sharedRules = new Map<string, Expression>();
  const used = new Map<string, number>();

  function reserve(hint: string): string {
    const stem =
      hint
        .replaceAll(/[^a-zA-Z0-9]+/g, '-')
        .replaceAll(/^-|-$/g, '')
        .slice(0, 40) || 'rule';
    const count = used.get(stem) ?? 0;
    used.set(stem, count + 1);
    if (rules.size + 1 > grammarLimits.rulesMax) throw tooLarge(`${grammarLimits.rulesMax} rules`);
    // The digits of a stem must not run into those of the count.
    const name = count === 0 && stem !== 'root' ? stem : `${stem}-n${count}`;
    return rules.has(name) ? reserve(`${stem}-x`) : (rules.set(name, never), name);
  }

  function define(hint: string, expression: Expression): Expression {
    if (expression.kind === 'rule') return expression;
    const name = reserve(hint);
    rules.set(name, expression);
    return { kind: 'rule', name };
  }

  function shared(key: string, make: () => Expression): Expression {
    const known = sharedRules.get(key);
    if (known !== undefined) return known;
    const name = reserve(key);
    const rule: Expression = { kind: 'rule', name };
    sharedRules.set(key, rule);
    rules.set(name, make());
    return rule;
  }

  function times(part: Expression, min: number, max: number | null): Expression {
    const item = define('item', part);
    const stem = item.kind === 'rule' ? item.name : '';
    const block = () => shared(`block-of-${stem}`, () => repeat(item, blockLength, blockLength));
    // One rule for all: llama.cpp makes a rule of its own for each repetition that may be left out.
    const lessThanBlock = () => shared(`part-of-${stem}`, () => repeat(item, 0, blockLength - 1));
    const exactly = (count: number): Expression =>
      count <= blockLength
        ? count === 0
          ? empty
          : repeat(item, count, count)
        : sequence(
            repeat(block(), Math.floor(count / blockLength), Math.floor(count / blockLength)),
            exactly(count % blockLength),
          );
    const atMost = (count: number): Expression => {
      let rest = repeat(item, 0, count % blockLength);
      for (let blocks = Math.floor(count / blockLength); blocks > 0; blocks--) {
        rest = define('up-to', choice(sequence(block(), rest), lessThanBlock()));
      }
      return rest;
    };
    if (max === null) return sequence(exactly(min), repeat(item, 0, null));
    return max < min ? never : sequence(exactly(min), atMost(max - min));
  }

  function print(root: Expression): string | null {
    const possible = possibleRules(rules);
    const start = simplify(root, possible);
    if (start === null) return null;
    const lines = [`root ::= ${format(start, true)}`];
    const seen = new Set<string>();
    const waiting = [...rulesIn(start)];
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      if (seen.has(name)) continue;
      seen.add(name);
      const body = simplify(rules.get(name) ?? never, possible) ?? never;
      lines.push(`${name} ::= ${format(body, true)}`);
      waiting.push(...rulesIn(body));
    }
    const text = `${lines.join('\n')}\n`;
    if (Buffer.byteLength(text) > grammarLimits.bytesMax) throw tooLarge(`${grammarLimits.bytesMax} bytes`);
    return text;
  }

  return {
    define,
    reserve,
    set: (name, expression) => void rules.set(name, expression),
    shared,
    times,
    isPossible: (expression) => simplify(expression, possibleRules(rules)) !== null,
    print,
  };
}

/** The rules that some finite text matches. */
function possibleRules(rules: ReadonlyMap<string, Expression>): ReadonlySet<string> {
  const possible = new Set<string>();
  const dependents = new Map<string, Set<string>>();
  for (const [name, body] of rules) {
    for (const other of rulesIn(body)) {
      const names = dependents.get(other) ?? new Set();
      dependents.set(other, names.add(name));
    }
  }
  const waiting = [...rules.keys()];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (possible.has(name) || !isPossible(rules.get(name) ?? never, possible)) continue;
    possible.add(name);
    waiting.push(...(dependents.get(name) ?? []));
  }
  return possible;
}

function isPossible(expression: Expression, possible: ReadonlySet<string>): boolean {
  switch (expression.kind) {
    case 'literal':
      return true;
    case 'characters':
      return expression.set.length > 0;
    case 'rule':
      return possible.has(expression.name);
    case 'sequence':
      return expression.parts.every((part) => isPossible(part, possible));
    case 'choice':
      return expression.options.some((option) => isPossible(option, possible));
    case 'repeat':
      return expression.min === 0 || isPossible(expression.part, possible);
  }
}

/** The expression without its impossible parts; `null` when nothing is left. */
function simplify(expression: Expression, possible: ReadonlySet<string>): Expression | null {
  switch (expression.kind) {
    case 'literal':
      return expression.text === '' ? empty : expression;
    case 'characters':
    case 'rule':
      return isPossible(expression, possible) ? expression : null;
    case 'sequence': {
      const parts: Expression[] = [];
      for (const part of expression.parts) {
        const simple = simplify(part, possible);
        if (simple === null) return null;
        const previous = parts.at(-1);
        if (simple.kind === 'sequence') parts.push(...simple.parts);
        else if (simple.kind === 'literal' && previous?.kind === 'literal') {
          parts[parts.length - 1] = literal(previous.text + simple.text);
        } else parts.push(simple);
      }
      const [only] = parts;
      return parts.length === 1 && only !== undefined ? only : sequence(...parts);
    }
    case 'choice': {
      const options = expression.options
        .map((option) => simplify(option, possible))
        .filter((option) => option !== null);
      return options.length === 0 ? null : choice(...options);
    }
    case 'repeat': {
      const part = simplify(expression.part, possible);
      if (part === null) return expression.min === 0 ? empty : null;
      if (expression.max === 0 || (part.kind === 'sequence' && part.parts.length === 0)) return empty;
      return expression.min === 1 && expression.max === 1 ? part : repeat(part, expression.min, expression.max);
    }
  }
}

function rulesIn(expression: Expression, names: string[] = []): string[] {
  if (expression.kind === 'rule') names.push(expression.name);
  else if (expression.kind === 'sequence') for (const part of expression.parts) rulesIn(part, names);
  else if (expression.kind === 'choice') for (const option of expression.options) rulesIn(option, names);
  else if (expression.kind === 'repeat') rulesIn(expression.part, names);
  return names;
}

function format(expression: Expression, alone = false): string {
  switch (expression.kind) {
    case 'literal':
      return `"${escapeLiteral(expression.text)}"`;
    case 'characters':
      return formatSet(expression.set);
    case 'rule':
      return expression.name;
    case 'sequence': {
      if (expression.parts.length === 0) return alone ? '""' : '""';
      const text = expression.parts.map((part) => format(part)).join(' ');
      return alone ? text : `(${text})`;
    }
    case 'choice': {
      const text = expression.options
        .map((option) => (option.kind === 'sequence' ? format(option, true) : format(option)))
        .join(' | ');
      return alone ? text : `(${text})`;
    }
    case 'repeat': {
      const { part, min, max } = expression;
      // A literal of several characters is one symbol for llama.cpp, but not for everybody who reads the grammar.
      const body = part.kind === 'repeat' || part.kind === 'literal' ? `(${format(part)})` : format(part);
      if (min === 0 && max === 1) return `${body}?`;
      if (min === 0 && max === null) return `${body}*`;
      if (min === 1 && max === null) return `${body}+`;
      return `${body}{${min === max ? min : `${min},${max ?? ''}`}}`;
    }
  }
}

function escapeLiteral(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is escaped
  return text.replaceAll(/["\\\u0000-\u001F\u007F]/g, (character) => {
    if (character === '"' || character === '\\') return `\\${character}`;
    if (character === '\n') return String.raw`\n`;
    if (character === '\r') return String.raw`\r`;
    if (character === '\t') return String.raw`\t`;
    return String.raw`\x${hex(character.charCodeAt(0), 2)}`;
  });
}

function formatSet(set: CharacterSet): string {
  const ranges = set.map(([first, last]) =>
    first === last ? formatCharacter(first) : `${formatCharacter(first)}-${formatCharacter(last)}`,
  );
  return `[${ranges.join('')}]`;
}

function formatCharacter(code: number): string {
  const character = String.fromCodePoint(code);
  if (/^[a-zA-Z0-9 _.:,;+*/=@#%&!<>~?()]$/.test(character)) return character;
  if (code <= 0xff) return String.raw`\x${hex(code, 2)}`;
  return code <= 0xffff ? String.raw`\u${hex(code, 4)}` : String.raw`\U${hex(code, 8)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).toUpperCase().padStart(digits, '0');
}

function tooLarge(bound: string): GemmaError {
  return new GemmaError({
    code: 'SCHEMA_UNSUPPORTED',
    message: `Expected a schema whose grammar has at most ${bound}, got a larger one. Split the request, or lower the bounds in it (long patterns with a length, large enums).`,
    facts: { bound },
  });
}

/** Blanks between the parts of a value: bounded, so that a model cannot write them for ever. */
export function blanks(grammar: GrammarBuilder): Expression {
  return grammar.shared('ws', () =>
    optional(choice(literal(' '), sequence(literal('\n'), repeat(oneOf(charactersOf(' \t')), 0, 20)))),
  );
}

const escapedCharacters: readonly (readonly [number, string])[] = [
  [0x08, String.raw`\b`],
  [0x09, String.raw`\t`],
  [0x0a, String.raw`\n`],
  [0x0c, String.raw`\f`],
  [0x0d, String.raw`\r`],
  [0x22, String.raw`\"`],
  [0x5c, String.raw`\\`],
];

const plainCharacters = intersection(
  anyCharacter,
  complement([
    [0, 0x1f],
    [0x22, 0x22],
    [0x5c, 0x5c],
  ]),
);

/** One character of a set as JSON text writes it within a string, in one way only. */
export function jsonCharacter(set: CharacterSet): Expression {
  const options: Expression[] = [];
  const plain = intersection(set, plainCharacters);
  if (plain.length > 0) options.push(oneOf(plain));
  for (const [first, last] of intersection(set, [
    [0, 0x1f],
    [0x22, 0x22],
    [0x5c, 0x5c],
  ])) {
    for (let code = first; code <= last; code++) {
      const short = escapedCharacters.find(([escaped]) => escaped === code)?.[1];
      options.push(literal(short ?? String.raw`\u${hex(code, 4)}`));
    }
  }
  return options.length === 0 ? never : choice(...options);
}

/** Any character of a string, in every way that JSON text can write it but for halves of surrogate pairs. */
export function anyJsonCharacter(grammar: GrammarBuilder): Expression {
  return grammar.shared('char', () => {
    const hexDigit = oneOf([
      [0x30, 0x39],
      [0x41, 0x46],
      [0x61, 0x66],
    ]);
    const beforeSurrogates = sequence(oneOf(charactersOf('dD')), oneOf([[0x30, 0x37]]), repeat(hexDigit, 2, 2));
    const elsewhere = sequence(
      oneOf([
        [0x30, 0x39],
        [0x41, 0x43],
        [0x45, 0x46],
        [0x61, 0x63],
        [0x65, 0x66],
      ]),
      repeat(hexDigit, 3, 3),
    );
    return choice(
      oneOf(plainCharacters),
      sequence(
        literal('\\'),
        choice(oneOf(charactersOf('"\\/bfnrt')), sequence(literal('u'), choice(elsewhere, beforeSurrogates))),
      ),
    );
  });
}
