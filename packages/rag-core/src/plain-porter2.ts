/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that is kept here */

/**
 * Porter's second stemmer for words of ASCII letters and digits, on bytes instead of regular expressions: some twenty times
 * faster than the library, of which it is a copy in behaviour, oddities included. A test holds one against the other.
 */
export interface PlainStemmer {
  /** The stem; `null` = the word has other characters, or is too long, and is for the library. */
  (word: string): string | null;
}

/** Longest word that is stemmed here. */
const unitsMax = 64;

const a = 97;
const b = 98;
const c = 99;
const d = 100;
const e = 101;
const f = 102;
const g = 103;
const h = 104;
const i = 105;
const k = 107;
const l = 108;
const m = 109;
const n = 110;
const o = 111;
const p = 112;
const r = 114;
const s = 115;
const t = 116;
const u = 117;
const w = 119;
const x = 120;
const y = 121;
/** A `y` that is a consonant is marked by this digit, and every one is a `y` again at the end: also one that was a digit. */
const mark = 51;

const vowels = new Uint8Array(128);
for (const letter of [a, e, i, o, u, y]) vowels[letter] = 1;

const exceptions = new Map(
  Object.entries({
    skis: 'ski',
    skies: 'sky',
    dying: 'die',
    lying: 'lie',
    tying: 'tie',
    idly: 'idl',
    gently: 'gentl',
    ugly: 'ugli',
    early: 'earli',
    only: 'onli',
    singly: 'singl',
    sky: 'sky',
    news: 'news',
    atlas: 'atlas',
    cosmos: 'cosmos',
    bias: 'bias',
    andes: 'andes',
  }),
);

/** Whole words at which the stemmer stops after their plural. */
const finished = ['inning', 'outing', 'canning', 'herring', 'proceed', 'exceed', 'succeed', 'earring'].map(bytesOf);

/** Suffixes and what takes their place where they lie behind the first region, the longest first. */
const suffixes2 = rules({
  ization: 'ize',
  ational: 'ate',
  fulness: 'ful',
  ousness: 'ous',
  iveness: 'ive',
  tional: 'tion',
  biliti: 'ble',
  lessli: 'less',
  entli: 'ent',
  ation: 'ate',
  alism: 'al',
  aliti: 'al',
  ousli: 'ous',
  iviti: 'ive',
  fulli: 'ful',
  enci: 'ence',
  anci: 'ance',
  abli: 'able',
  izer: 'ize',
  ator: 'ate',
  alli: 'al',
  bli: 'ble',
  ogi: 'og',
  li: '',
});

const suffixes3 = rules({
  ational: 'ate',
  tional: 'tion',
  alize: 'al',
  icate: 'ic',
  iciti: 'ic',
  ative: '',
  ical: 'ic',
  ness: '',
  ful: '',
});

const suffixes4 = rules({
  ement: '',
  ance: '',
  ence: '',
  able: '',
  ible: '',
  ment: '',
  ant: '',
  ent: '',
  ism: '',
  ate: '',
  iti: '',
  ous: '',
  ive: '',
  ize: '',
  ion: '',
  al: '',
  er: '',
  ic: '',
});

/** Words whose first region begins behind a prefix. */
const prefixes = ['gener', 'commun', 'arsen'].map(bytesOf);

interface Rule {
  readonly suffix: Uint8Array;
  readonly replacement: Uint8Array;
}

/** By last byte, so that few are compared. */
function rules(table: Readonly<Record<string, string>>): readonly (readonly Rule[] | undefined)[] {
  const byLast: Rule[][] = [];
  for (const [suffix, replacement] of Object.entries(table))
    (byLast[suffix.charCodeAt(suffix.length - 1)] ??= []).push({
      suffix: bytesOf(suffix),
      replacement: bytesOf(replacement),
    });
  return Array.from({ length: 128 }, (_, last) => byLast[last]);
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** Letters before which `li` goes. */
const beforeLi = new Uint8Array(128);
for (const letter of [c, d, e, g, h, k, m, n, r, t]) beforeLi[letter] = 1;

/** Letters that are taken back to one where an ending has left them double. */
const doubles = new Uint8Array(128);
for (const letter of [b, d, f, g, m, n, p, r, t]) doubles[letter] = 1;

const letters = Buffer.alloc(unitsMax + 8);
let length = 0;
/** Where the regions begin; `length` = they are empty. */
let first = 0;
let second = 0;

/** Stems a word in lower case: see {@link PlainStemmer}. */
export const stemPlain: PlainStemmer = (word) => {
  length = word.length;
  if (length > unitsMax) return null;
  for (let at = 0; at < length; at++) {
    const unit = word.charCodeAt(at);
    if ((unit < a || unit > 122) && (unit < 48 || unit > 57)) return null;
    letters[at] = unit;
  }
  if (length < 3) return word;
  const exception = exceptions.get(word);
  if (exception !== undefined) return exception;
  markConsonants();
  stepPlural();
  if (!isFinished()) {
    stepPast();
    stepY();
    stepSecond();
    stepThird();
    stepFourth();
    stepLast();
  }
  let isSame = length === word.length;
  for (let at = 0; at < length; at++) {
    if (letters[at] === mark) letters[at] = y;
    if (isSame && letters[at] !== word.charCodeAt(at)) isSame = false;
  }
  return isSame ? word : letters.toString('latin1', 0, length);
};

function isVowel(at: number): boolean {
  return vowels[letters[at]!] === 1;
}

function markConsonants(): void {
  if (letters[0] === y) letters[0] = mark;
  for (let at = 1; at < length; at++)
    if (letters[at] === y && letters[at - 1] !== y && isVowel(at - 1)) {
      letters[at] = mark;
      return;
    }
}

function endsWith(suffix: Uint8Array): boolean {
  const start = length - suffix.length;
  if (start < 0) return false;
  for (let at = suffix.length - 1; at >= 0; at--) if (letters[start + at] !== suffix[at]) return false;
  return true;
}

function ends2(one: number, two: number): boolean {
  return length >= 2 && letters[length - 1] === two && letters[length - 2] === one;
}

function ends3(one: number, two: number, three: number): boolean {
  return length >= 3 && letters[length - 3] === one && ends2(two, three);
}

function stepPlural(): void {
  if (length >= 5 && ends2(e, s) && letters[length - 3] === s && letters[length - 4] === s) length -= 2;
  else if (ends3(i, e, d) || ends3(i, e, s))
    length -= length >= 5 ? 2 : length === 4 ? 1 : length === 3 ? pluralOf3() : 0;
  else if (length >= 3 && (ends2(u, s) || ends2(s, s))) return;
  else dropS();
}

/** `ies` and `ied` by themselves lose what they would as any other word. */
function pluralOf3(): number {
  return letters[2] === s ? 1 : 0;
}

/** An `s` goes where a vowel comes before the letter before it. */
function dropS(): void {
  if (letters[length - 1] !== s) return;
  for (let at = 0; at < length - 2; at++)
    if (isVowel(at)) {
      length--;
      return;
    }
}

function isFinished(): boolean {
  if (length < 6 || length > 7) return false;
  for (const whole of finished) if (whole.length === length && endsWith(whole)) return true;
  return false;
}

/** Finds the regions: behind the first consonant that follows a vowel, and the same once more from there. */
function findRegions(): void {
  first = regionFrom(0);
  if (first < length)
    for (const prefix of prefixes)
      if (length >= prefix.length && startsWith(prefix)) {
        first = prefix.length;
        break;
      }
  second = regionFrom(first);
}

function startsWith(prefix: Uint8Array): boolean {
  for (let at = 0; at < prefix.length; at++) if (letters[at] !== prefix[at]) return false;
  return true;
}

function regionFrom(start: number): number {
  let at = start;
  while (at < length && !isVowel(at)) at++;
  while (at < length && isVowel(at)) at++;
  return at + 1 < length ? at + 1 : length;
}

function stepPast(): void {
  if (ends3(e, e, d)) dropEed(3);
  else if (
    length >= 5 &&
    ends2(l, y) &&
    letters[length - 3] === d &&
    letters[length - 4] === e &&
    letters[length - 5] === e
  )
    dropEed(5);
  else if (ends2(e, d)) dropPast(2);
  else if (ends3(i, n, g)) dropPast(3);
  else if (ends2(l, y)) {
    if (length >= 4 && letters[length - 3] === d && letters[length - 4] === e) dropPast(4);
    else if (length >= 5 && letters[length - 3] === g && letters[length - 4] === n && letters[length - 5] === i)
      dropPast(5);
  }
}

function dropEed(suffix: number): void {
  findRegions();
  if (length - suffix >= first) length -= suffix - 2;
}

function dropPast(suffix: number): void {
  const end = length - suffix;
  let at = 0;
  while (at < end && !isVowel(at)) at++;
  if (at >= end) return;
  length = end;
  if (ends2(a, t) || ends2(b, l) || ends2(i, 122)) letters[length++] = e;
  else if (length >= 2 && letters[length - 1] === letters[length - 2] && doubles[letters[length - 1]!] === 1) length--;
  else if (isShort(length)) {
    findRegions();
    if (first === length) letters[length++] = e;
  }
}

/** Whether the first letters end in a short syllable, or are one. */
function isShort(end: number): boolean {
  if (end === 1) return isVowel(0);
  if (end === 2 && isVowel(0) && !isVowel(1)) return true;
  if (end < 3) return false;
  const last = letters[end - 1]!;
  return !isVowel(end - 1) && last !== w && last !== x && last !== mark && isVowel(end - 2) && !isVowel(end - 3);
}

function stepY(): void {
  const last = letters[length - 1];
  if (length >= 3 && (last === y || last === mark) && !isVowel(length - 2)) letters[length - 1] = i;
}

function ruleOf(table: readonly (readonly Rule[] | undefined)[]): Rule | undefined {
  if (length === 0) return undefined;
  const possible = table[letters[length - 1]!];
  if (possible !== undefined) for (const rule of possible) if (endsWith(rule.suffix)) return rule;
  return undefined;
}

function replace({ suffix, replacement }: Rule): void {
  length -= suffix.length;
  for (const letter of replacement) letters[length++] = letter;
}

function stepSecond(): void {
  const rule = ruleOf(suffixes2);
  if (rule === undefined) return;
  findRegions();
  const start = length - rule.suffix.length;
  if (start < first) return;
  const before = start === 0 ? 0 : letters[start - 1]!;
  if (rule.suffix.length === 2 ? beforeLi[before] === 1 : rule.suffix[0] !== o || rule.suffix[1] !== g || before === l)
    replace(rule);
}

function stepThird(): void {
  const rule = ruleOf(suffixes3);
  if (rule === undefined) return;
  findRegions();
  const start = length - rule.suffix.length;
  const isAtive = rule.suffix[0] === a && rule.suffix[3] === 118;
  if (start >= first && (!isAtive || start >= second)) replace(rule);
}

function stepFourth(): void {
  const rule = ruleOf(suffixes4);
  if (rule === undefined) return;
  findRegions();
  const start = length - rule.suffix.length;
  if (start < second) return;
  const isIon = rule.suffix[1] === o && rule.suffix[2] === n;
  const before = start === 0 ? 0 : letters[start - 1];
  if (!isIon || before === s || before === t) replace(rule);
}

function stepLast(): void {
  const last = letters[length - 1];
  if (length === 0 || (last !== e && last !== l)) return;
  findRegions();
  if (last === e) {
    if (second < length || (first < length && !isShort(length - 1))) length--;
  } else if (second < length && letters[length - 2] === l) length--;
}
