import { anyCharacter, hasCharacter, lastCodePoint } from './character-set.ts';
import type { CharacterSet } from './character-set.ts';
import { choice, empty, sequence } from './expression.ts';
import type { Expression } from './expression.ts';
import { jsonCharacter } from './grammar-builder.ts';
import type { GrammarBuilder } from './grammar-builder.ts';
import { PatternError } from './regular-expression.ts';
import type { RegularExpression } from './regular-expression.ts';

/** A place within a text, as one condition sees it. */
export interface TextState {
  /** Equal for states from which the same texts lead to the end. */
  readonly key: string;
  /** Whether the condition is met when the text ends here. */
  readonly accepts: boolean;
  /** Sets of characters: within each part that they cut the alphabet into, `next` gives the same. */
  readonly sets: readonly CharacterSet[];
  /** The state after one more character; `null` = no longer to be met. */
  next(code: number): TextState | null;
}

/** One condition on a text, as a deterministic automaton over its characters: its first state. */
export type TextCondition = TextState;

const statesMax = 8_000;
const partsMax = 20_000;

/**
 * The texts that meet every condition, written as within a JSON string, as rules that decide by one character at a time.
 *
 * @throws PatternError when that takes too many states.
 */
export function textsMeeting(grammar: GrammarBuilder, hint: string, conditions: readonly TextCondition[]): Expression {
  const states: { readonly accepts: boolean; readonly edges: Map<number, [number, number][]> }[] = [];
  const numbers = new Map<string, number>();
  const waiting: (readonly TextState[])[] = [];

  function numberOf(state: readonly TextState[]): number {
    const key = state.map((part) => part.key).join('/');
    const known = numbers.get(key);
    if (known !== undefined) return known;
    if (states.length >= statesMax)
      throw new PatternError(`more than ${statesMax} states, pattern and length together`);
    numbers.set(key, states.length);
    states.push({ accepts: state.every(({ accepts }) => accepts), edges: new Map() });
    waiting.push(state);
    return states.length - 1;
  }

  numberOf(conditions);
  // The list grows while it is walked.
  for (const [number, state] of waiting.entries()) {
    const edges = states[number]?.edges;
    for (const [first, last] of alphabetParts(state.flatMap(({ sets }) => sets))) {
      const after = state.map((part) => part.next(first)).filter((part) => part !== null);
      if (after.length < state.length) continue;
      const target = numberOf(after);
      edges?.set(target, [...(edges.get(target) ?? []), [first, last]]);
    }
  }

  const names = states.map((_, number) => grammar.reserve(number === 0 ? hint : `${hint}-s`));
  for (const [number, { accepts, edges }] of states.entries()) {
    const options = [...edges].map(([target, set]) =>
      sequence(jsonCharacter(joined(set)), { kind: 'rule', name: names[target] ?? '' }),
    );
    grammar.set(names[number] ?? '', choice(...options, ...(accepts ? [empty] : [])));
  }
  return { kind: 'rule', name: names[0] ?? '' };
}

/** Whether a text meets a condition. */
export function meets(condition: TextCondition, text: string): boolean {
  let state: TextState | null = condition;
  for (const character of text) {
    state = state.next(character.codePointAt(0) ?? 0);
    if (state === null) return false;
  }
  return state.accepts;
}

/** Texts of so many characters. */
export function lengthWithin(min: number, max: number | null): TextCondition {
  // Beyond the last bound, lengths are all the same.
  const counted = max ?? min;
  const at = (length: number): TextState => ({
    key: String(length),
    accepts: length >= min,
    sets: [],
    next: () => (length < counted ? at(length + 1) : max === null ? at(length) : null),
  });
  return at(0);
}

/** Every text but these. */
export function noneOf(texts: readonly string[]): TextCondition {
  const prefixes = new Map<string, Set<number>>();
  for (const text of texts) {
    let prefix = '';
    for (const character of text) {
      const codes = prefixes.get(prefix) ?? new Set();
      prefixes.set(prefix, codes.add(character.codePointAt(0) ?? 0));
      prefix += character;
    }
  }
  const excluded = new Set(texts);
  const free: TextState = { key: 'free', accepts: true, sets: [], next: () => free };
  const at = (prefix: string): TextState => {
    const codes = prefixes.get(prefix) ?? new Set();
    return {
      key: `at ${JSON.stringify(prefix)}`,
      accepts: !excluded.has(prefix),
      sets: [...codes].map((code) => [[code, code]]),
      next: (code) => (codes.has(code) ? at(prefix + String.fromCodePoint(code)) : free),
    };
  };
  return at('');
}

interface Automaton {
  /** Steps without a character, each with what it asks of the place. */
  readonly silent: (readonly { readonly to: number; readonly only: 'start' | 'end' | null }[])[];
  readonly edges: (readonly { readonly to: number; readonly set: CharacterSet }[])[];
  readonly end: number;
}

/**
 * Texts in which a pattern matches somewhere, as JSON Schema has it.
 *
 * @throws PatternError when the pattern is too large.
 */
export function matching(pattern: RegularExpression): TextCondition {
  const { silent, edges, end } = buildAutomaton({ kind: 'sequence', parts: [anything, pattern, anything] });

  /** The parts that are reached without a character, where `at` holds. */
  function closure(parts: Iterable<number>, at: { readonly start: boolean; readonly end: boolean }): readonly number[] {
    const reached = new Set(parts);
    // A set grows while it is walked.
    for (const part of reached) {
      for (const { to, only } of silent[part] ?? []) if (only === null || at[only]) reached.add(to);
    }
    return [...reached].toSorted((a, b) => a - b);
  }

  const states = new Map<string, TextState>();

  function at(parts: readonly number[], start: boolean): TextState {
    const reached = closure(parts, { start, end: false });
    const key = `${start ? '^' : ''}${reached.join(',')}`;
    const known = states.get(key);
    if (known !== undefined) return known;
    const onward = reached.flatMap((part) => edges[part] ?? []);
    const after = new Map<string, TextState>();
    const state: TextState = {
      key,
      accepts: closure(reached, { start, end: true }).includes(end),
      sets: onward.map(({ set }) => set),
      next: (code) => {
        const next = onward.filter(({ set }) => hasCharacter(set, code)).map(({ to }) => to);
        if (next.length === 0) return null;
        const nextKey = next.join(',');
        const found = after.get(nextKey) ?? at(next, false);
        after.set(nextKey, found);
        return found;
      },
    };
    states.set(key, state);
    return state;
  }
  return at([0], true);
}

const anything: RegularExpression = { kind: 'repeat', part: { kind: 'set', set: anyCharacter }, min: 0, max: null };

function buildAutomaton(pattern: RegularExpression): Automaton {
  const silent: { to: number; only: 'start' | 'end' | null }[][] = [[]];
  const edges: { to: number; set: CharacterSet }[][] = [[]];

  function state(): number {
    if (silent.length >= partsMax) throw new PatternError(`more than ${partsMax} parts, repetitions multiplied`);
    silent.push([]);
    edges.push([]);
    return silent.length - 1;
  }
  function step(from: number, to: number, only: 'start' | 'end' | null = null): void {
    silent[from]?.push({ to, only });
  }

  /** Adds what leads from a state through the pattern, and gives the state behind it. */
  function add(part: RegularExpression, from: number): number {
    switch (part.kind) {
      case 'set': {
        const to = state();
        edges[from]?.push({ to, set: part.set });
        return to;
      }
      case 'start':
      case 'end': {
        const to = state();
        step(from, to, part.kind);
        return to;
      }
      case 'sequence':
        return part.parts.reduce((at, inner) => add(inner, at), from);
      case 'choice': {
        const to = state();
        for (const option of part.options) {
          const first = state();
          step(from, first);
          step(add(option, first), to);
        }
        return to;
      }
      case 'repeat': {
        let at = from;
        for (let count = 0; count < part.min; count++) at = add(part.part, at);
        const to = state();
        if (part.max === null) {
          const loop = state();
          step(at, loop);
          step(add(part.part, loop), loop);
          step(loop, to);
          return to;
        }
        for (let count = part.min; count < part.max; count++) {
          step(at, to);
          at = add(part.part, at);
        }
        step(at, to);
        return to;
      }
    }
  }

  const end = add(pattern, 0);
  return { silent, edges, end };
}

/** Ranges that cover all characters, such that each set holds a range wholly or not at all. */
function alphabetParts(sets: readonly CharacterSet[]): (readonly [number, number])[] {
  const cuts = new Set([0, 0xd800, 0xe000, lastCodePoint + 1]);
  for (const set of sets) {
    for (const [first, last] of set) cuts.add(first).add(last + 1);
  }
  const sorted = [...cuts].toSorted((a, b) => a - b);
  return sorted
    .slice(0, -1)
    .map((first, index) => [first, (sorted[index + 1] ?? 0) - 1] as const)
    .filter(([first]) => first < 0xd800 || first > 0xdfff);
}

function joined(ranges: readonly (readonly [number, number])[]): CharacterSet {
  const result: [number, number][] = [];
  for (const [first, last] of ranges) {
    const previous = result.at(-1);
    if (previous !== undefined && first === previous[1] + 1) previous[1] = last;
    else result.push([first, last]);
  }
  return result;
}
