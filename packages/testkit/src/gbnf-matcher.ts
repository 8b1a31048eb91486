/**
 * Reads grammars in llama.cpp's notation, tells whether a text matches, and writes random texts that do. An oracle of
 * tests: made from the description of the notation, sharing nothing with what writes grammars.
 *
 * @module
 */

type Ranges = readonly (readonly [first: number, last: number])[];

type GbnfNode =
  | { readonly kind: 'characters'; readonly ranges: Ranges; readonly negated: boolean }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'sequence'; readonly parts: readonly GbnfNode[] }
  | { readonly kind: 'choice'; readonly options: readonly GbnfNode[] }
  | { readonly kind: 'repeat'; readonly part: GbnfNode; readonly min: number; readonly max: number };

/** What {@link createGbnfMatcher} gives. */
export interface GbnfMatcher {
  /** Whether the whole text matches the rule `root`. */
  matches(text: string): boolean;
  /** Whether the text is the beginning of one that matches, as far as the next character tells. */
  isPrefix(text: string): boolean;
  /**
   * A text that matches. `random` gives numbers from 0 to 1; beyond `depthMax` rules within each other, the shortest way to
   * the end is taken. Default 30.
   */
  write(random: () => number, depthMax?: number): string;
}

/**
 * Reads a grammar.
 *
 * @throws Error when it is not in the notation, a rule is missing, or a rule begins with itself.
 */
export function createGbnfMatcher(grammar: string): GbnfMatcher {
  const rules = parseGbnf(grammar);
  const machine = compile(rules);
  const costs = shortest(rules);

  function run(text: string): ReadonlySet<Place> {
    let places = machine.begin();
    for (const character of text) {
      places = machine.advance(places, character.codePointAt(0) ?? 0);
      if (places.size === 0) break;
    }
    return places;
  }

  return {
    matches: (text) => [...run(text)].some((place) => place.state === null),
    isPrefix: (text) => run(text).size > 0,
    write: (random, depthMax = 30) => write({ kind: 'rule', name: 'root' }, { rules, costs, random, depthMax }, 0),
  };
}

// --- Reading

function parseGbnf(source: string): ReadonlyMap<string, GbnfNode> {
  const text = Array.from(source);
  const rules = new Map<string, GbnfNode>();
  let at = 0;

  const fail = (expected: string): Error => {
    const line = text.slice(0, at).filter((character) => character === '\n').length + 1;
    return new Error(`Expected ${expected} in line ${line} of the grammar, got "${text.slice(at, at + 20).join('')}".`);
  };
  const skip = (newlines: boolean): void => {
    for (; at < text.length; at++) {
      const character = text[at] ?? '';
      if (character === '#') while (at + 1 < text.length && text[at + 1] !== '\n' && text[at + 1] !== '\r') at++;
      else if (!(newlines ? /[ \t\r\n]/ : /[ \t]/).test(character)) return;
    }
  };
  const eat = (expected: string): boolean => {
    for (let index = 0; index < expected.length; index++) if (text[at + index] !== expected[index]) return false;
    at += expected.length;
    return true;
  };
  const word = (): string => {
    let name = '';
    while (/^[a-zA-Z0-9-]$/.test(text[at] ?? '')) name += text[at++];
    if (name === '') throw fail('a name');
    return name;
  };
  const character = (): number => {
    const next = text[at++];
    if (next === undefined) throw fail('a character');
    if (next !== '\\') return next.codePointAt(0) ?? 0;
    const escaped = text[at++] ?? '';
    const digits = { x: 2, u: 4, U: 8 }[escaped];
    if (digits !== undefined) {
      const hex = text.slice(at, at + digits).join('');
      if (!/^[0-9a-fA-F]+$/.test(hex) || hex.length !== digits) throw fail(`${digits} hexadecimal digits`);
      at += digits;
      return Number.parseInt(hex, 16);
    }
    const control = { n: 10, r: 13, t: 9 }[escaped];
    if (control !== undefined) return control;
    if (!/^["\\[\]-]$/.test(escaped)) throw fail('a known escape');
    return escaped.codePointAt(0) ?? 0;
  };

  const alternatives = (nested: boolean): GbnfNode => {
    const options = [terms(nested)];
    while (eat('|')) {
      skip(true);
      options.push(terms(nested));
    }
    return { kind: 'choice', options };
  };
  const terms = (nested: boolean): GbnfNode => {
    const parts: GbnfNode[] = [];
    for (;;) {
      const next = text[at] ?? '';
      let part: GbnfNode | undefined;
      if (eat('"')) {
        const characters: GbnfNode[] = [];
        while (!eat('"')) {
          const code = character();
          characters.push({ kind: 'characters', ranges: [[code, code]], negated: false });
        }
        part = { kind: 'sequence', parts: characters };
      } else if (eat('[')) {
        const negated = eat('^');
        const ranges: [number, number][] = [];
        while (!eat(']')) {
          const first = character();
          const isRange = text[at] === '-' && text[at + 1] !== ']';
          if (isRange) at++;
          ranges.push([first, isRange ? character() : first]);
        }
        part = { kind: 'characters', ranges, negated };
      } else if (eat('(')) {
        skip(true);
        part = alternatives(true);
        if (!eat(')')) throw fail(')');
      } else if (eat('.')) part = { kind: 'characters', ranges: [], negated: true };
      else if (/^[a-zA-Z0-9-]$/.test(next)) part = { kind: 'rule', name: word() };
      else break;
      skip(nested);
      for (let bounds = repetition(nested); bounds !== null; bounds = repetition(nested)) {
        part = { kind: 'repeat', part, min: bounds[0], max: bounds[1] };
      }
      parts.push(part);
    }
    return { kind: 'sequence', parts };
  };
  const repetition = (nested: boolean): [number, number] | null => {
    let bounds: [number, number] | null = null;
    if (eat('*')) bounds = [0, Infinity];
    else if (eat('+')) bounds = [1, Infinity];
    else if (eat('?')) bounds = [0, 1];
    else if (eat('{')) {
      const min = count();
      const max = eat(',') ? (text[at] === '}' ? Infinity : count()) : min;
      if (!eat('}')) throw fail('}');
      // llama.cpp refuses the one, and silently forgets the bound of the other.
      if (min > 2000 || (max !== Infinity && max > 2000)) throw fail('at most 2,000 repetitions');
      bounds = [min, max];
    }
    if (bounds !== null) skip(nested);
    return bounds;
  };
  const count = (): number => {
    let digits = '';
    while (/^[0-9]$/.test(text[at] ?? '')) digits += text[at++];
    if (digits === '') throw fail('a number');
    return Number(digits);
  };

  skip(true);
  while (at < text.length) {
    const name = word();
    skip(false);
    if (!eat('::=')) throw fail('::=');
    skip(true);
    rules.set(name, alternatives(false));
    if (at < text.length && !/[\r\n]/.test(text[at] ?? '')) throw fail('the end of the line');
    skip(true);
  }
  for (const name of ['root', ...[...rules.values()].flatMap((node) => [...names(node)])]) {
    if (!rules.has(name)) throw new Error(`Expected a rule ${name} in the grammar, got none.`);
  }
  return rules;
}

function* names(node: GbnfNode): Generator<string> {
  if (node.kind === 'rule') yield node.name;
  else if (node.kind === 'sequence') for (const part of node.parts) yield* names(part);
  else if (node.kind === 'choice') for (const option of node.options) yield* names(option);
  else if (node.kind === 'repeat') yield* names(node.part);
}

// --- Matching: the set of all places in the rules that the text so far can lead to

interface State {
  readonly id: number;
  /** Steps without a character. */
  readonly silent: State[];
  characters: { readonly ranges: Ranges; readonly negated: boolean; readonly to: State } | null;
  call: { readonly rule: string; readonly back: State } | null;
  isEnd: boolean;
}

interface Stack {
  readonly top: State;
  readonly below: Stack | null;
  readonly pushed: Map<number, Stack>;
  readonly places: Map<number, Place>;
}

/** A state, and where it returns to. A `null` state is the end of `root`. */
interface Place {
  readonly state: State | null;
  readonly stack: Stack | null;
}

const placesMax = 100_000;

function compile(rules: ReadonlyMap<string, GbnfNode>): {
  begin(): ReadonlySet<Place>;
  advance(places: ReadonlySet<Place>, code: number): ReadonlySet<Place>;
} {
  let count = 0;
  const newState = (): State => ({ id: count++, silent: [], characters: null, call: null, isEnd: false });

  function add(node: GbnfNode, from: State): State {
    const to = newState();
    switch (node.kind) {
      case 'characters':
        from.silent.push({ ...newState(), characters: { ranges: node.ranges, negated: node.negated, to } });
        return to;
      case 'rule':
        from.silent.push({ ...newState(), call: { rule: node.name, back: to } });
        return to;
      case 'sequence':
        return node.parts.reduce((at, part) => add(part, at), from);
      case 'choice':
        for (const option of node.options) {
          const first = newState();
          from.silent.push(first);
          add(option, first).silent.push(to);
        }
        return to;
      case 'repeat': {
        let at = from;
        for (let times = 0; times < node.min; times++) at = add(node.part, at);
        if (node.max === Infinity) {
          const loop = newState();
          at.silent.push(loop);
          add(node.part, loop).silent.push(loop);
          loop.silent.push(to);
          return to;
        }
        for (let times = node.min; times < node.max; times++) {
          at.silent.push(to);
          at = add(node.part, at);
        }
        at.silent.push(to);
        return to;
      }
    }
  }

  const starts = new Map<string, State>();
  for (const [name, body] of rules) {
    const start = newState();
    add(body, start).isEnd = true;
    starts.set(name, start);
  }

  const bottomPlaces = new Map<number, Place>();
  const bottomStacks = new Map<number, Stack>();
  const end: Place = { state: null, stack: null };

  function placeOf(state: State, stack: Stack | null): Place {
    const places = stack?.places ?? bottomPlaces;
    const known = places.get(state.id) ?? { state, stack };
    places.set(state.id, known);
    return known;
  }

  function push(top: State, below: Stack | null): Stack {
    const stacks = below?.pushed ?? bottomStacks;
    const known = stacks.get(top.id) ?? { top, below, pushed: new Map(), places: new Map() };
    stacks.set(top.id, known);
    return known;
  }

  /** A call whose return is the end of its rule needs no place to return to: so a rule that ends with itself costs none. */
  function returnsAtOnce({ isEnd, silent, characters, call }: State): boolean {
    return isEnd && silent.length === 0 && characters === null && call === null;
  }

  function close(first: Iterable<Place>): ReadonlySet<Place> {
    const reached = new Set(first);
    for (const { state, stack } of reached) {
      if (reached.size > placesMax)
        throw new Error('Expected a grammar without left recursion, got more places than it can have.');
      if (state === null) continue;
      for (const next of state.silent) reached.add(placeOf(next, stack));
      if (state.call !== null) {
        const start = starts.get(state.call.rule) ?? state;
        reached.add(placeOf(start, returnsAtOnce(skipSilent(state.call.back)) ? stack : push(state.call.back, stack)));
      }
      if (state.isEnd) reached.add(stack === null ? end : placeOf(stack.top, stack.below));
    }
    return reached;
  }

  /** The state at the end of a chain of single steps. */
  function skipSilent(state: State): State {
    let at = state;
    const seen = new Set<State>();
    while (at.silent.length === 1 && !at.isEnd && at.characters === null && at.call === null && !seen.has(at)) {
      seen.add(at);
      at = at.silent[0] ?? at;
    }
    return at;
  }

  return {
    begin: () => close([placeOf(starts.get('root') ?? newState(), null)]),
    advance: (places, code) => {
      const after = new Set<Place>();
      for (const { state, stack } of places) {
        if (state?.characters == null) continue;
        const { ranges, negated, to } = state.characters;
        if (ranges.some(([first, last]) => first <= code && code <= last) !== negated) after.add(placeOf(to, stack));
      }
      return close(after);
    },
  };
}

// --- Writing

interface Writing {
  readonly rules: ReadonlyMap<string, GbnfNode>;
  readonly costs: ReadonlyMap<string, number>;
  readonly random: () => number;
  readonly depthMax: number;
}

function write(node: GbnfNode, writing: Writing, depth: number): string {
  const { rules, costs, random, depthMax } = writing;
  const isDeep = depth > depthMax;
  switch (node.kind) {
    case 'characters':
      return String.fromCodePoint(anyOf(node.ranges, node.negated, random));
    case 'rule':
      return write(rules.get(node.name) ?? node, writing, depth + 1);
    case 'sequence':
      return node.parts.map((part) => write(part, writing, depth)).join('');
    case 'choice': {
      const possible = node.options.filter((option) => costOf(option, costs) < Infinity);
      const least = possible.toSorted((a, b) => costOf(a, costs) - costOf(b, costs))[0];
      const option = isDeep ? least : possible[Math.floor(random() * possible.length)];
      return option === undefined ? '' : write(option, writing, depth);
    }
    case 'repeat': {
      const more = isDeep ? 0 : Math.min(node.max - node.min, random() < 0.05 ? 12 : Math.floor(random() * 4));
      return Array.from({ length: node.min + more }, () => write(node.part, writing, depth)).join('');
    }
  }
}

function anyOf(ranges: Ranges, negated: boolean, random: () => number): number {
  if (!negated) {
    const [first, last] = ranges[Math.floor(random() * ranges.length)] ?? [0x20, 0x20];
    // Mostly what people write, sometimes anything of the range.
    const near = random() < 0.8 ? Math.min(last, first + 0x5e) : last;
    const code = first + Math.floor(random() * (near - first + 1));
    return code >= 0xd800 && code <= 0xdfff ? first : code;
  }
  for (let code = 0x20 + Math.floor(random() * 0x5f); ; code++) {
    if (!ranges.some(([first, last]) => first <= code && code <= last)) return code;
  }
}

/** The least depth of rules that it takes to come to an end, by rule. */
function shortest(rules: ReadonlyMap<string, GbnfNode>): ReadonlyMap<string, number> {
  const costs = new Map<string, number>();
  const users = new Map<string, Set<string>>();
  for (const [name, body] of rules) {
    for (const used of names(body)) users.set(used, (users.get(used) ?? new Set()).add(name));
  }
  // What ends by itself first, then what uses it: a queue, so that most rules are looked at once.
  const waiting = new Set(rules.keys());
  for (const name of waiting) {
    waiting.delete(name);
    const cost = 1 + costOf(rules.get(name) ?? { kind: 'rule', name }, costs);
    if (cost >= (costs.get(name) ?? Infinity)) continue;
    costs.set(name, cost);
    for (const user of users.get(name) ?? []) waiting.add(user);
  }
  return costs;
}

function costOf(node: GbnfNode, costs: ReadonlyMap<string, number>): number {
  switch (node.kind) {
    case 'characters':
      return node.negated || node.ranges.length > 0 ? 0 : Infinity;
    case 'rule':
      return costs.get(node.name) ?? Infinity;
    case 'sequence':
      return Math.max(0, ...node.parts.map((part) => costOf(part, costs)));
    case 'choice':
      return Math.min(Infinity, ...node.options.map((option) => costOf(option, costs)));
    case 'repeat':
      return node.min === 0 ? 0 : costOf(node.part, costs);
  }
}
