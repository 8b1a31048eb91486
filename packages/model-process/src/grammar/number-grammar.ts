import { choice, empty, literal, never, oneOf, optional, repeat, sequence } from './expression.ts';
import type { Expression } from './expression.ts';

/** Where a number may lie. `null` = no bound. */
export interface NumberRange {
  readonly min: number | null;
  readonly minExclusive: boolean;
  readonly max: number | null;
  readonly maxExclusive: boolean;
}

/** Digits of a whole number without a bound: few enough that every double of them is exact. */
const digitsMax = 15;
/** Digits of the part before the point where a decimal has a bound on the other side only. */
const openDigits = 9;

/** Whole numbers, at most 15 digits. */
export const anyInteger: Expression = choice(
  literal('0'),
  sequence(optional(literal('-')), oneOf([[0x31, 0x39]]), digits(0, digitsMax - 1)),
);

/** Decimals, at most 15 digits before and 16 after the point, exponents of two digits: every one is a finite double. */
export const anyNumber: Expression = sequence(
  optional(literal('-')),
  choice(literal('0'), sequence(oneOf([[0x31, 0x39]]), digits(0, digitsMax - 1))),
  optional(sequence(literal('.'), digits(1, 16))),
  optional(
    sequence(
      oneOf([
        [0x45, 0x45],
        [0x65, 0x65],
      ]),
      optional(
        oneOf([
          [0x2b, 0x2b],
          [0x2d, 0x2d],
        ]),
      ),
      digits(1, 2),
    ),
  ),
);

/** Exactly the whole numbers of a range; a side without a bound ends at 15 digits, or at 2^53 - 1 beyond them. */
export function integersWithin({ min, minExclusive, max, maxExclusive }: NumberRange): Expression {
  const open = 10 ** digitsMax - 1;
  const low = min === null ? null : minExclusive ? Math.floor(min) + 1 : Math.ceil(min);
  const high = max === null ? null : maxExclusive ? Math.ceil(max) - 1 : Math.floor(max);
  const safe = Number.MAX_SAFE_INTEGER;
  const from = BigInt(low ?? ((high ?? 0) < -open ? -safe : -open));
  const to = BigInt(high ?? ((low ?? 0) > open ? safe : open));
  if (from > to) return never;
  const options: Expression[] = [];
  if (from < 0n) {
    const smallest = to < 0n ? -to : 1n;
    options.push(sequence(literal('-'), wholeWithin(String(smallest), String(-from))));
  }
  if (to >= 0n) options.push(wholeWithin(String(from > 0n ? from : 0n), String(to)));
  return choice(...options);
}

/** Whole numbers between two, both not negative, written without leading zeros. */
function wholeWithin(from: string, to: string): Expression {
  const options: Expression[] = [];
  for (let length = from.length; length <= to.length; length++) {
    const low = length === from.length ? from : `1${'0'.repeat(length - 1)}`;
    const high = length === to.length ? to : '9'.repeat(length);
    options.push(sameLengthWithin(low, high));
  }
  return choice(...options);
}

/** Digit strings of one length between two. */
function sameLengthWithin(from: string, to: string): Expression {
  if (from === '') return empty;
  if (/^0+$/.test(from) && /^9+$/.test(to)) return digits(from.length, from.length);
  const low = Number(from[0]);
  const high = Number(to[0]);
  const lowRest = from.slice(1);
  const highRest = to.slice(1);
  if (low === high) return sequence(literal(String(low)), sameLengthWithin(lowRest, highRest));
  // Whole spans at either end join those between.
  const lowWhole = /^0*$/.test(lowRest);
  const highWhole = /^9*$/.test(highRest);
  const options: Expression[] = [];
  if (!lowWhole) {
    options.push(sequence(literal(String(low)), sameLengthWithin(lowRest, '9'.repeat(lowRest.length))));
  }
  const first = lowWhole ? low : low + 1;
  const last = highWhole ? high : high - 1;
  if (first <= last) options.push(sequence(digit(first, last), digits(lowRest.length, lowRest.length)));
  if (!highWhole) {
    options.push(sequence(literal(String(high)), sameLengthWithin('0'.repeat(highRest.length), highRest)));
  }
  return choice(...options);
}

/** A bound as decimal digits before and after the point, at most 15 together. */
interface Decimal {
  readonly whole: bigint;
  /** Without zeros at the end. */
  readonly fraction: string;
}

/**
 * Whether the decimals of a range can be told by their digits: its bounds have at most 15 significant digits and no
 * exponent.
 */
export function canBoundDecimals({ min, max }: NumberRange): boolean {
  return [min, max].every((bound) => bound === null || decimalOf(Math.abs(bound)) !== null);
}

/**
 * The decimals of a range, without exponent and with at most 15 digits, so that no rounding moves one across its bound. A
 * side without a bound ends at 15 digits.
 */
export function decimalsWithin({ min, minExclusive, max, maxExclusive }: NumberRange): Expression {
  const options: Expression[] = [];
  const negative = min === null || min < 0;
  const positive = max === null || max > 0 || (max === 0 && !maxExclusive);
  if (negative) {
    const from = max !== null && max < 0 ? -max : 0;
    const exclusive = max !== null && max <= 0 && maxExclusive;
    const part = positiveWithin({
      min: from,
      minExclusive: exclusive,
      max: min === null ? null : -min,
      maxExclusive: minExclusive,
    });
    options.push(sequence(literal('-'), part));
  }
  if (positive) {
    const from = min !== null && min > 0 ? min : 0;
    const exclusive = min !== null && min >= 0 && minExclusive;
    options.push(positiveWithin({ min: from, minExclusive: exclusive, max, maxExclusive }));
  }
  return choice(...options);
}

/** Decimals from `min`, which is not negative. */
function positiveWithin(range: NumberRange): Expression {
  const low = decimalOf(range.min ?? 0) ?? { whole: 0n, fraction: '' };
  if (range.max !== null) {
    const high = decimalOf(range.max) ?? low;
    return between(low, range.minExclusive, high, range.maxExclusive);
  }
  const beyond = 10n ** BigInt(openDigits) - 1n;
  if (low.whole > beyond) {
    // So far out, fractions no longer have room.
    const next = low.fraction === '' && !range.minExclusive ? low.whole : low.whole + 1n;
    const end = 10n ** BigInt(digitsMax) - 1n;
    return next > end ? never : wholeWithin(String(next), String(end));
  }
  return choice(
    between(low, range.minExclusive, { whole: beyond, fraction: '9'.repeat(digitsMax - openDigits) }, false),
    wholeWithin(String(beyond + 1n), '9'.repeat(digitsMax)),
  );
}

function between(low: Decimal, lowExclusive: boolean, high: Decimal, highExclusive: boolean): Expression {
  if (low.whole > high.whole) return never;
  if (low.whole === high.whole) {
    const fraction = fractionWithin(low.fraction, lowExclusive, high.fraction, highExclusive, places(low.whole));
    return sequence(literal(String(low.whole)), fraction);
  }
  const options = [
    sequence(literal(String(low.whole)), fractionFrom(low.fraction, lowExclusive, places(low.whole))),
    sequence(literal(String(high.whole)), fractionTo(high.fraction, highExclusive, places(high.whole))),
  ];
  // Wholes between the two, by their number of digits: the more of them, the fewer behind the point.
  for (let digits = String(low.whole + 1n).length; digits <= String(high.whole - 1n).length; digits++) {
    const first = larger(low.whole + 1n, digits === 1 ? 0n : 10n ** BigInt(digits - 1));
    const last = smaller(high.whole - 1n, 10n ** BigInt(digits) - 1n);
    if (first <= last) options.push(sequence(wholeWithin(String(first), String(last)), anyFraction(places(last))));
  }
  return choice(...options);
}

function larger(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}

function smaller(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

/** Digits after the point that fit beside those before it. */
function places(whole: bigint): number {
  return whole === 0n ? digitsMax : digitsMax - String(whole).length;
}

function anyFraction(length: number): Expression {
  return length === 0 ? empty : optional(sequence(literal('.'), digits(1, length)));
}

/** Fractions at least, or beyond, one. */
function fractionFrom(bound: string, exclusive: boolean, length: number): Expression {
  if (bound === '' && !exclusive) return anyFraction(length);
  return sequence(literal('.'), digitsFrom(bound, exclusive, length));
}

function digitsFrom(bound: string, exclusive: boolean, length: number): Expression {
  if (length === 0) return bound === '' && !exclusive ? empty : never;
  if (bound === '') {
    if (!exclusive) return digits(0, length);
    const options = [sequence(digit(1, 9), digits(0, length - 1))];
    if (length > 1) options.push(sequence(literal('0'), digitsFrom('', true, length - 1)));
    return choice(...options);
  }
  const next = Number(bound[0]);
  const options = [sequence(literal(String(next)), digitsFrom(bound.slice(1), exclusive, length - 1))];
  if (next < 9) options.push(sequence(digit(next + 1, 9), digits(0, length - 1)));
  return choice(...options);
}

/** Fractions at most, or below, one. */
function fractionTo(bound: string, exclusive: boolean, length: number): Expression {
  if (bound === '') {
    if (exclusive) return never;
    return length === 0 ? empty : optional(sequence(literal('.'), repeat(literal('0'), 1, length)));
  }
  return optional(sequence(literal('.'), digitsTo(bound, exclusive, length, false)));
}

/** Digits of a fraction below a bound; `mayEnd` tells whether one stands already. */
function digitsTo(bound: string, exclusive: boolean, length: number, mayEnd: boolean): Expression {
  if (bound === '' && exclusive) return never;
  if (length === 0) return mayEnd ? empty : never;
  if (bound === '') return repeat(literal('0'), mayEnd ? 0 : 1, length);
  const next = Number(bound[0]);
  const options = [sequence(literal(String(next)), digitsTo(bound.slice(1), exclusive, length - 1, true))];
  if (next > 0) options.push(sequence(digit(0, next - 1), digits(0, length - 1)));
  if (mayEnd) options.push(empty);
  return choice(...options);
}

/** Fractions between two, of one whole number. */
function fractionWithin(
  low: string,
  lowExclusive: boolean,
  high: string,
  highExclusive: boolean,
  length: number,
): Expression {
  const options: Expression[] = [];
  // No point at all is a fraction of zero.
  if (low === '' && !lowExclusive && (high !== '' || !highExclusive)) options.push(empty);
  if (length > 0) {
    options.push(sequence(literal('.'), digitsWithin(low, lowExclusive, high, highExclusive, length, false)));
  }
  return options.length === 0 ? never : choice(...options);
}

function digitsWithin(
  low: string,
  lowExclusive: boolean,
  high: string,
  highExclusive: boolean,
  length: number,
  mayEnd: boolean,
): Expression {
  if (low === '' && !lowExclusive) return digitsTo(high, highExclusive, length, mayEnd);
  if (high === '' || length === 0) {
    // What stands so far equals the upper bound: only zeros may follow, and only where the lower bound is equal too.
    return /^0*$/.test(low) && !lowExclusive && !highExclusive ? repeat(literal('0'), mayEnd ? 0 : 1, length) : never;
  }
  const from = Number(low[0] ?? '0');
  const to = Number(high[0]);
  const lowRest = low.slice(1);
  const highRest = high.slice(1);
  if (from > to) return never;
  if (from === to) {
    return sequence(
      literal(String(from)),
      digitsWithin(lowRest, lowExclusive, highRest, highExclusive, length - 1, true),
    );
  }
  const options = [
    sequence(literal(String(from)), digitsFrom(lowRest, lowExclusive, length - 1)),
    sequence(literal(String(to)), digitsTo(highRest, highExclusive, length - 1, true)),
  ];
  if (to - from > 1) options.push(sequence(digit(from + 1, to - 1), digits(0, length - 1)));
  return choice(...options);
}

function decimalOf(value: number): Decimal | null {
  const plain = /^(\d+)(?:\.(\d+))?$/.exec(String(value));
  // JavaScript writes very small numbers with an exponent.
  const small = /^(\d)(?:\.(\d+))?e-(\d+)$/.exec(String(value));
  let decimal: Decimal | null = null;
  if (plain !== null) decimal = { whole: BigInt(plain[1] ?? '0'), fraction: plain[2] ?? '' };
  if (small !== null) {
    decimal = { whole: 0n, fraction: `${'0'.repeat(Number(small[3]) - 1)}${small[1] ?? ''}${small[2] ?? ''}` };
  }
  return decimal !== null && decimal.fraction.length <= places(decimal.whole) ? decimal : null;
}

function digit(first: number, last: number): Expression {
  return first === last ? literal(String(first)) : oneOf([[0x30 + first, 0x30 + last]]);
}

function digits(min: number, max: number): Expression {
  return max === 0 ? empty : repeat(oneOf([[0x30, 0x39]]), min, max);
}
