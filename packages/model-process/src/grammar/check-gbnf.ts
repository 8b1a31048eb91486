import { GemmaError } from '@gemma-cli/contracts';

/** Bounds of a grammar that somebody else wrote. */
const gbnfLimits = {
  bytesMax: 1024 * 1024,
  /** Groups within each other, and rules that begin with each other: llama.cpp follows both on its stack. */
  depthMax: 500,
  /** Repetitions at one place. llama.cpp takes a greater upper bound for none at all, without a word. */
  repetitionsMax: 2000,
  /** Symbols once repetitions are written out, as llama.cpp does. */
  symbolsMax: 200_000,
  /** Steps of llama.cpp's search for left recursion, which takes every path anew. */
  stepsMax: 1_000_000,
} as const;

/** A rule, or a group in one, as far as the checks need it: the symbols of each alternative. */
interface Rule {
  readonly alternatives: RuleSymbol[][];
}

interface RuleSymbol {
  /** Rule that it stands for; `null` = a character or token. */
  readonly rule: string | null;
  readonly mayBeEmpty: boolean;
  /** Repeated without a bound; 'empty' when already what is repeated may be empty. */
  readonly loop?: 'empty' | 'full' | null;
}

/**
 * Checks a grammar in llama.cpp's notation before llama.cpp sees it. Some of what is refused here would end the model
 * process there (groups without end, `{5,2}`, hidden left recursion), and some would be taken for something else without a
 * word (`{0,3000}`, an empty class, a rule defined twice).
 *
 * @throws GemmaError `GRAMMAR_INVALID` with `line` and `column`, where it has a place.
 */
export function checkGbnf(grammar: string): void {
  if (typeof grammar !== 'string') throw invalid('a text', typeof grammar);
  const bytes = Buffer.byteLength(grammar);
  if (bytes > gbnfLimits.bytesMax) throw invalid(`at most ${gbnfLimits.bytesMax} bytes`, `${bytes}`);
  const rules = readRules(grammar);
  if (!rules.has('root')) throw invalid('a rule root, which is the start', 'none');
  for (const { alternatives } of rules.values()) {
    for (const { rule } of alternatives.flat()) {
      if (rule !== null && !rules.has(rule)) throw invalid(`a rule ${rule}, which another one uses`, 'none');
    }
  }
  checkRecursion(rules);
}

function readRules(source: string): ReadonlyMap<string, Rule> {
  const rules = new Map<string, Rule>();
  let at = 0;
  let groups = 0;
  let symbols = 0;
  let depth = 0;

  const fail = (expected: string): GemmaError => {
    const before = source.slice(0, at);
    const line = before.split('\n').length;
    const column = at - before.lastIndexOf('\n');
    const rest = source.slice(at, at + 20).split('\n')[0] ?? '';
    return invalid(expected, rest === '' ? 'the end of the line' : `\`${rest}\``, { line, column });
  };

  function skip(newlines: boolean): void {
    for (;;) {
      const character = source[at];
      if (character === '#') {
        while (at < source.length && source[at] !== '\n' && source[at] !== '\r') at++;
      } else if (character === ' ' || character === '\t' || (newlines && (character === '\n' || character === '\r')))
        at++;
      else return;
    }
  }

  function take(expected: string): boolean {
    if (!source.startsWith(expected, at)) return false;
    at += expected.length;
    return true;
  }

  function match(pattern: RegExp, expected: string): string {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0];
    if (found === undefined) throw fail(expected);
    at += found.length;
    return found;
  }

  function count(repeated: number): void {
    symbols += repeated;
    if (symbols > gbnfLimits.symbolsMax)
      throw fail(`at most ${gbnfLimits.symbolsMax} symbols once repetitions are written out`);
  }

  function alternatives(nested: boolean): RuleSymbol[][] {
    const options = [sequence(nested)];
    while (take('|')) {
      skip(true);
      options.push(sequence(nested));
    }
    return options;
  }

  function sequence(nested: boolean): RuleSymbol[] {
    const parts: RuleSymbol[] = [];
    for (;;) {
      const before = symbols;
      const part = symbol();
      if (part === null) return parts;
      count(1);
      skip(nested);
      let { mayBeEmpty } = part;
      let loop: RuleSymbol['loop'] = null;
      for (let bounds = repetition(nested); bounds !== null; bounds = repetition(nested)) {
        // An empty literal is no symbol for llama.cpp, so there is nothing to repeat.
        if (part.rule === null && part.mayBeEmpty) throw fail('something before a repetition');
        if (bounds.isLoop && loop !== 'empty') loop = mayBeEmpty ? 'empty' : 'full';
        mayBeEmpty ||= bounds.min === 0;
        count((symbols - before) * Math.max(0, bounds.times - 1));
      }
      parts.push({ rule: part.rule, mayBeEmpty, loop });
    }
  }

  function symbol(): RuleSymbol | null {
    if (take('"')) {
      const start = at;
      while (!take('"')) character();
      // A literal of several characters is so many symbols.
      count(at - start);
      return { rule: null, mayBeEmpty: at - start === 1 };
    }
    if (take('[')) {
      take('^');
      if (source[at] === ']') throw fail('a character in the class');
      while (!take(']')) {
        const first = character();
        if (source[at] === '-' && source[at + 1] !== ']') {
          at++;
          if (character() < first) throw fail('a range whose ends are in order');
        }
        count(1);
      }
      return { rule: null, mayBeEmpty: false };
    }
    if (take('(')) {
      if (++depth > gbnfLimits.depthMax) throw fail(`at most ${gbnfLimits.depthMax} groups within each other`);
      skip(true);
      // No rule of the grammar has a blank in its name.
      const name = `group ${groups++}`;
      rules.set(name, { alternatives: alternatives(true) });
      if (!take(')')) throw fail('a closing )');
      depth--;
      return { rule: name, mayBeEmpty: false };
    }
    if (take('.')) return { rule: null, mayBeEmpty: false };
    if (take('!') || source[at] === '<') {
      match(/<\[[0-9]{1,9}\]>/y, 'a token by its number, as <[1000]>: names of tokens are not known here');
      return { rule: null, mayBeEmpty: false };
    }
    if (/^[a-zA-Z0-9-]$/.test(source[at] ?? '')) return { rule: match(/[a-zA-Z0-9-]+/y, 'a name'), mayBeEmpty: false };
    return null;
  }

  function repetition(
    nested: boolean,
  ): { readonly min: number; readonly times: number; readonly isLoop: boolean } | null {
    let min = 1;
    let max: number | null = 1;
    if (take('*')) [min, max] = [0, null];
    else if (take('+')) [min, max] = [1, null];
    else if (take('?')) [min, max] = [0, 1];
    else if (take('{')) {
      skip(nested);
      min = Number(match(/[0-9]{1,9}/y, 'a number of repetitions'));
      max = min;
      skip(nested);
      if (take(',')) {
        skip(nested);
        max = source[at] === '}' ? null : Number(match(/[0-9]{1,9}/y, 'a number of repetitions'));
        skip(nested);
      }
      if (max !== null && max < min) throw fail('a repetition whose bounds are in order');
      if (Math.max(min, max ?? 0) > gbnfLimits.repetitionsMax) {
        throw fail(`at most ${gbnfLimits.repetitionsMax} repetitions (give a block of them a name, and repeat that)`);
      }
      if (!take('}')) throw fail('a closing }');
    } else return null;
    skip(nested);
    return { min, times: max ?? min + 1, isLoop: max === null };
  }

  function character(): number {
    if (!take('\\')) {
      const code = source.codePointAt(at);
      if (code === undefined || code === 0) throw fail('a character');
      at += code > 0xffff ? 2 : 1;
      return code;
    }
    const escaped = source[at++] ?? '';
    const digits = { x: /[0-9a-fA-F]{2}/y, u: /[0-9a-fA-F]{4}/y, U: /[0-9a-fA-F]{8}/y }[escaped];
    if (digits !== undefined) return Number.parseInt(match(digits, 'hexadecimal digits'), 16);
    const control = { t: 9, r: 13, n: 10 }[escaped];
    if (control !== undefined) return control;
    if (escaped !== '' && '\\"[]-'.includes(escaped)) return escaped.charCodeAt(0);
    at -= 2;
    throw fail(String.raw`one of the escapes \t \r \n \\ \" \[ \] \- \x \u \U`);
  }

  skip(true);
  while (at < source.length) {
    const start = at;
    const name = match(/[a-zA-Z0-9-]+/y, 'the name of a rule');
    skip(false);
    if (!take('::=')) throw fail('::= behind the name of a rule');
    if (rules.has(name)) {
      at = start;
      throw fail('each rule once');
    }
    skip(true);
    const own: Rule = { alternatives: [] };
    rules.set(name, own);
    own.alternatives.push(...alternatives(false));
    if (at < source.length && source[at] !== '\n' && source[at] !== '\r') throw fail('a symbol or the end of the line');
    skip(true);
  }
  return rules;
}

/** A rule that begins with itself never ends, be what stands before it empty or not. */
function checkRecursion(rules: ReadonlyMap<string, Rule>): void {
  const empties = emptyRules(rules);
  const isEmpty = ({ rule, mayBeEmpty }: RuleSymbol): boolean => mayBeEmpty || (rule !== null && empties.has(rule));
  const steps = new Map<string, number>();
  const inProgress = new Set<string>();

  /** What llama.cpp spends on a rule: itself, and all that it can begin with. */
  function follow(name: string): number {
    const known = steps.get(name);
    if (known !== undefined) return known;
    if (inProgress.has(name)) throw invalid('rules that do not begin with themselves', shown(name));
    if (inProgress.size >= gbnfLimits.depthMax) {
      throw invalid(`at most ${gbnfLimits.depthMax} rules that begin with each other`, 'more');
    }
    inProgress.add(name);
    let sum = 1;
    for (const symbols of rules.get(name)?.alternatives ?? []) {
      for (const symbol of symbols) {
        if (symbol.rule !== null) sum += follow(symbol.rule);
        if (!isEmpty(symbol)) break;
      }
    }
    if (sum > gbnfLimits.stepsMax) {
      throw invalid(
        'rules that begin with few others',
        `${shown(name)}, which can begin in more than ${gbnfLimits.stepsMax} ways`,
      );
    }
    inProgress.delete(name);
    steps.set(name, sum);
    return sum;
  }
  for (const [name, { alternatives }] of rules) {
    follow(name);
    for (const { rule, loop } of alternatives.flat()) {
      if (loop === 'empty' || (loop === 'full' && rule !== null && empties.has(rule))) {
        throw invalid(
          'repetitions without a bound only of what is not empty',
          `one in ${shown(name)} of what may be empty`,
        );
      }
    }
  }
}

/** The rules that the empty text matches. */
function emptyRules(rules: ReadonlyMap<string, Rule>): ReadonlySet<string> {
  const empties = new Set<string>();
  const users = new Map<string, Set<string>>();
  for (const [name, { alternatives }] of rules) {
    for (const { rule } of alternatives.flat()) {
      if (rule !== null) users.set(rule, (users.get(rule) ?? new Set()).add(name));
    }
  }
  const waiting = [...rules.keys()];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (empties.has(name)) continue;
    const isEmpty = rules
      .get(name)
      ?.alternatives.some((symbols) =>
        symbols.every(({ rule, mayBeEmpty }) => mayBeEmpty || (rule !== null && empties.has(rule))),
      );
    if (isEmpty !== true) continue;
    empties.add(name);
    waiting.push(...(users.get(name) ?? []));
  }
  return empties;
}

function shown(name: string): string {
  return name.includes(' ') ? 'a group' : name;
}

function invalid(
  expected: string,
  got: string,
  place?: { readonly line: number; readonly column: number },
): GemmaError {
  const where = place === undefined ? '' : ` in line ${place.line}, column ${place.column}`;
  return new GemmaError({
    code: 'GRAMMAR_INVALID',
    message: `Expected the grammar to have ${expected}${where}, got ${got}. See docs/structured-output.md for the notation.`,
    facts: { expected, got, ...place },
  });
}
