import { anyCharacter, characterSet, charactersOf, complement, intersection } from './character-set.ts';
import type { CharacterSet } from './character-set.ts';

/** A parsed regular expression. `start` and `end` hold at the beginning and the end of the text. */
export type RegularExpression =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'sequence'; readonly parts: readonly RegularExpression[] }
  | { readonly kind: 'choice'; readonly options: readonly RegularExpression[] }
  | {
      readonly kind: 'repeat';
      readonly part: RegularExpression;
      readonly min: number;
      readonly max: number | null;
    };

/** What a pattern contains that no finite automaton, or none of ours, can do. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

const digitSet = characterSet([[0x30, 0x39]]);
const wordSet = characterSet([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]);
const spaceSet = characterSet([
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]);
const lineEnds = charactersOf('\n\r\u2028\u2029');
const repetitionsMax = 1000;
const depthMax = 100;

/**
 * Parses what JavaScript's regular expressions (with the `u` flag) and JSON Schema have in common: characters, classes,
 * `.`, `\d \w \s` and their opposites, groups, `|`, `* + ? {m,n}`, `^`, `$`.
 *
 * @throws PatternError for anything else, and for what is not a regular expression.
 */
export function parseRegularExpression(pattern: string): RegularExpression {
  const characters = Array.from(pattern);
  let position = 0;
  let depth = 0;

  const peek = (): string | undefined => characters[position];
  const take = (expected: string): boolean => {
    if (peek() !== expected) return false;
    position++;
    return true;
  };
  const fail = (problem: string): PatternError => new PatternError(`${problem} at character ${position}`);

  function alternatives(): RegularExpression {
    if (++depth > depthMax) throw fail(`more than ${depthMax} groups within each other`);
    const options = [terms()];
    while (take('|')) options.push(terms());
    depth--;
    const [only] = options;
    return options.length === 1 && only !== undefined ? only : { kind: 'choice', options };
  }

  function terms(): RegularExpression {
    const parts: RegularExpression[] = [];
    for (let next = peek(); next !== undefined && next !== '|' && next !== ')'; next = peek()) parts.push(term());
    return { kind: 'sequence', parts };
  }

  function term(): RegularExpression {
    if (take('^')) return { kind: 'start' };
    if (take('$')) return { kind: 'end' };
    return quantified(atom());
  }

  function atom(): RegularExpression {
    const character = characters[position++];
    switch (character) {
      case '(':
        return group();
      case '[':
        return { kind: 'set', set: characterClass() };
      case '.':
        return { kind: 'set', set: intersection(anyCharacter, complement(lineEnds)) };
      case '\\':
        return { kind: 'set', set: intersection(escape(false), anyCharacter) };
      case '*':
      case '+':
      case '?':
      case '{':
      case '}':
      case ']':
        throw fail(`a ${character} that needs a backslash or something before it`);
      default:
        return { kind: 'set', set: charactersOf(character ?? '') };
    }
  }

  function group(): RegularExpression {
    if (take('?')) {
      if (take('<')) {
        if (peek() === '=' || peek() === '!') throw fail('a look-behind, which is not supported,');
        while (position < characters.length && !take('>')) position++;
      } else if (!take(':')) {
        throw fail(
          peek() === '=' || peek() === '!' ? 'a look-ahead, which is not supported,' : 'a group of an unknown kind',
        );
      }
    }
    const inner = alternatives();
    if (!take(')')) throw fail('a group without its end');
    return inner;
  }

  function quantified(part: RegularExpression): RegularExpression {
    let min = 1;
    let max: number | null = 1;
    if (take('*')) [min, max] = [0, null];
    else if (take('+')) [min, max] = [1, null];
    else if (take('?')) [min, max] = [0, 1];
    else if (take('{')) {
      min = wholeNumber();
      max = min;
      if (take(',')) max = peek() === '}' ? null : wholeNumber();
      if (!take('}')) throw fail('a repetition without its end');
      if (max !== null && max < min) throw fail('a repetition whose bounds are the wrong way round');
    } else return part;
    // Lazy or greedy, the same texts match.
    take('?');
    if (min > repetitionsMax || (max ?? 0) > repetitionsMax) throw fail(`more than ${repetitionsMax} repetitions`);
    return { kind: 'repeat', part, min, max };
  }

  function wholeNumber(): number {
    let digits = '';
    for (let next = peek(); next !== undefined && /^[0-9]$/.test(next); next = peek()) {
      digits += next;
      position++;
    }
    if (digits === '' || digits.length > 6) throw fail('a repetition without a usable number');
    return Number(digits);
  }

  function characterClass(): CharacterSet {
    const negated = take('^');
    const ranges: (readonly [number, number])[] = [];
    while (!take(']')) {
      if (position >= characters.length) throw fail('a class without its end');
      const first = classCharacter();
      if (peek() === '-' && characters[position + 1] !== ']' && characters[position + 1] !== undefined) {
        position++;
        const last = classCharacter();
        const [from] = first[0] ?? [];
        const [to] = last[0] ?? [];
        if (!isSingle(first) || !isSingle(last) || from === undefined || to === undefined || from > to) {
          throw fail('a range in a class whose ends are not single characters in order');
        }
        ranges.push([from, to]);
      } else ranges.push(...first);
    }
    const set = characterSet(ranges);
    return intersection(negated ? complement(set) : set, anyCharacter);
  }

  function classCharacter(): CharacterSet {
    const character = characters[position++] ?? '';
    return character === '\\' ? escape(true) : charactersOf(character);
  }

  function escape(inClass: boolean): CharacterSet {
    const character = characters[position++];
    switch (character) {
      case 'd':
        return digitSet;
      case 'D':
        return complement(digitSet);
      case 'w':
        return wordSet;
      case 'W':
        return complement(wordSet);
      case 's':
        return spaceSet;
      case 'S':
        return complement(spaceSet);
      case 'n':
        return charactersOf('\n');
      case 'r':
        return charactersOf('\r');
      case 't':
        return charactersOf('\t');
      case 'f':
        return charactersOf('\f');
      case 'v':
        return charactersOf('\v');
      case '0':
        if (/^[0-9]$/.test(peek() ?? '')) throw fail('an octal escape');
        return charactersOf('\0');
      case 'x':
        return codePoint(hexDigits(2));
      case 'u':
        return unicodeEscape();
      case 'b':
        if (inClass) return charactersOf('\b');
        throw fail(String.raw`a word boundary (\b), which is not supported,`);
      default:
        if (character !== undefined && /^[\^$\\.*+?()[\]{}|/-]$/.test(character)) return charactersOf(character);
        throw fail(`the escape \\${character ?? ''}, which is not supported,`);
    }
  }

  function unicodeEscape(): CharacterSet {
    if (take('{')) {
      let digits = '';
      while (position < characters.length && peek() !== '}') digits += characters[position++] ?? '';
      position++;
      if (!/^[0-9a-fA-F]{1,6}$/.test(digits)) throw fail(String.raw`a \u{…} that is not hexadecimal`);
      return codePoint(Number.parseInt(digits, 16));
    }
    const first = hexDigits(4);
    const isHigh = first >= 0xd800 && first <= 0xdbff;
    if (isHigh && peek() === '\\' && characters[position + 1] === 'u') {
      position += 2;
      const second = hexDigits(4);
      if (second >= 0xdc00 && second <= 0xdfff) return codePoint((first - 0xd800) * 0x400 + second - 0xdc00 + 0x10000);
      throw fail('half of a surrogate pair');
    }
    return codePoint(first);
  }

  function hexDigits(count: number): number {
    const digits = characters.slice(position, position + count).join('');
    if (digits.length !== count || !/^[0-9a-fA-F]+$/.test(digits)) throw fail('an escape that is not hexadecimal');
    position += count;
    return Number.parseInt(digits, 16);
  }

  function codePoint(code: number): CharacterSet {
    if (code > 0x10ffff) throw fail('a code point beyond Unicode');
    return [[code, code]];
  }

  const parsed = alternatives();
  if (position < characters.length) throw fail('a ) without its group');
  return parsed;
}

function isSingle(set: CharacterSet): boolean {
  const [only] = set;
  return set.length === 1 && only !== undefined && only[0] === only[1];
}
