import type { CharacterSet } from './character-set.ts';

/** What a rule of a grammar stands for. A choice without options matches nothing, a sequence without parts the empty text. */
export type Expression =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'characters'; readonly set: CharacterSet }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  | { readonly kind: 'choice'; readonly options: readonly Expression[] }
  | {
      readonly kind: 'repeat';
      readonly part: Expression;
      readonly min: number;
      /** `null` = no bound. */
      readonly max: number | null;
    };

/** The empty text. */
export const empty: Expression = { kind: 'sequence', parts: [] };

/** Nothing, not even the empty text. */
export const never: Expression = { kind: 'choice', options: [] };

/** Exactly this text. */
export function literal(text: string): Expression {
  return { kind: 'literal', text };
}

/** One character of a set. */
export function oneOf(set: CharacterSet): Expression {
  return { kind: 'characters', set };
}

/** One after the other. */
export function sequence(...parts: readonly Expression[]): Expression {
  return { kind: 'sequence', parts };
}

/** One of these. */
export function choice(...options: readonly Expression[]): Expression {
  const [only] = options;
  return options.length === 1 && only !== undefined ? only : { kind: 'choice', options };
}

/** This or nothing. */
export function optional(part: Expression): Expression {
  return repeat(part, 0, 1);
}

/** This so many times. */
export function repeat(part: Expression, min: number, max: number | null): Expression {
  return { kind: 'repeat', part, min, max };
}
