/** What texts are built of: of every kind that something cuts, joins, folds, parses or passes over. */
const pieces: readonly string[] = [
  Array.from(' \n\t\0\u001B\u00AD\u200B\u200D\u2028\u202E\uFEFF\uFFFDaAzZ09_-.#*`>|~[](){}<>/\\\'"’,:='),
  ['\r\n', '\n\n', '# ', '\n## ', '\n```\n', '```ts\n', '~~~', '- ', '1. ', '| a | b |\n', '---\n', '\n    ', '\n==\n'],
  ['function f() {', '}\n', 'class A:', 'def g():', 'parseHttpHeader', 'max_retry_count', 'kebab-case', 'x86_64'],
  ['the', 'of', 'running', 'harbours', 'naïve', 'e\u0301', 'Straße', 'ﬁ', 'İ', 'ß', 'ǆ', 'Å', '\u0301', '1e999'],
  ['東京', 'タワー', 'ไทย', 'Москва', 'αβγ', 'שלום', 'हिन्दी', '한국어', '\u1112\u1161\u11AB'],
  ['😀', '👨‍👩‍👧', '🇩🇪', '\uD83D', '\uDC00', '\u{10FFFF}', '<start_of_turn>', '__proto__', '{"a":', '[['],
].flat();

/** A text that a seed repeats: words, marks, halves of characters, one of them again and again, or any code points. */
export function hostileText(random: () => number, units: number): string {
  const one = (): string => pieces[Math.floor(random() * pieces.length)] ?? '';
  const kind = random();
  // The same again and again: what a rule that looks back for its beginning is slowest at.
  if (kind < 0.2) return repeated(one(), units);
  if (kind < 0.3) return repeated(one() + one(), units);
  let text = '';
  while (text.length < units) text += kind < 0.4 ? String.fromCodePoint(Math.floor(random() * 0x11_00_00)) : one();
  return text;
}

/** Texts of about so many code units of which each is the worst case of some rule. */
export function worstTexts(units: number): Readonly<Record<string, string>> {
  return {
    'one word': repeated('a', units),
    'one word of capitals and digits': repeated('aB1', units),
    'one identifier of many parts': repeated('part_', units),
    'digits and dots': repeated('1.', units),
    'white space': repeated(' ', units),
    'line ends': repeated('\r\n', units),
    'one letter with marks': `a${repeated('\u0301', units)}`,
    'marks of all kinds': repeated('\u0345\u0301\u0323\u093C', units),
    'letters that fold to several': repeated('ﷺ', units),
    'parts of syllables': repeated('\u1112\u1161\u11AB', units),
    'halves of characters': repeated('\uDC00\uD83D', units),
    'zero bytes': repeated('\0', units),
    'joined emoji': repeated('👩\u200D', units),
    flags: repeated('🇩', units),
    'a language without spaces': repeated('東京タワー', units),
    Thai: repeated('ภาษาไทย', units),
    'open brackets': repeated('[(<{', units),
    'nested lists': repeated('- > 1. ', units),
    headings: repeated('# a\n', units),
    underlines: repeated('a\n---\n', units),
    'fences that stay open': repeated('```\n~~~\n', units),
    'a row of a table': repeated('| a ', units),
    'a table': repeated('| a | b | c |\n', units),
    'indented code': repeated('    }\n\n', units),
    'sentences of one letter': repeated('A. ', units),
    apostrophes: repeated("a'’", units),
    hyphens: repeated('a-', units),
    'different words': Array.from({ length: Math.ceil(units / 7) }, (_, index) => `w${index.toString(36)}`).join(' '),
  };
}

function repeated(text: string, units: number): string {
  return text.repeat(Math.ceil(units / text.length)).slice(0, units);
}
