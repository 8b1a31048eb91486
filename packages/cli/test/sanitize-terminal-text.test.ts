import { describe, expect, test } from 'vitest';
import { createTerminalSanitizer, sanitizeTerminalText } from '../src/render/sanitize-terminal-text.ts';

/** Code points that never reach a terminal on their own authority, as ranges. */
const forbiddenRanges: readonly (readonly [first: number, last: number])[] = [
  ...([
    [0x00, 0x08],
    [0x0b, 0x1f],
    [0x7f, 0x9f],
    [0xad, 0xad],
    [0x34f, 0x34f],
    [0x61c, 0x61c],
  ] as const),
  ...([
    [0x180e, 0x180e],
    [0x200b, 0x200b],
    [0x200e, 0x200f],
    [0x2028, 0x202e],
    [0x2060, 0x206f],
  ] as const),
  ...([
    [0x3164, 0x3164],
    [0xd800, 0xdfff],
    [0xfeff, 0xfeff],
    [0xfff9, 0xfffb],
    [0xe0000, 0xe0fff],
  ] as const),
];

function hasForbidden(text: string): boolean {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0).some((code) =>
    forbiddenRanges.some(([first, last]) => code >= first && code <= last),
  );
}

describe('what a model says', () => {
  const cases: readonly [title: string, input: string, output: string][] = [
    ['plain text, newline and tab stay', 'a\tb\nc é 漢 😀', 'a\tb\nc é 漢 😀'],
    ['colours are removed', '\u001B[1;31mred\u001B[0m', 'red'],
    ['a cursor movement with intermediate bytes is removed', 'a\u001B[2 qb', 'ab'],
    ['a window title is removed', 'a\u001B]0;title\u0007b', 'ab'],
    ['a hyperlink is removed, its text stays', '\u001B]8;;http://x\u001B\\text\u001B]8;;\u001B\\', 'text'],
    ['the clipboard is not written', 'a\u001B]52;c;ZXZpbA==\u0007b', 'ab'],
    ['a device control string is removed', 'a\u001BPq#0;2\u001B\\b', 'ab'],
    ['an application command is removed', 'a\u001B_G payload\u001B\\b', 'ab'],
    ['privacy message and start of string are removed', 'a\u001B^x\u001B\\b\u001BXy\u001B\\c', 'abc'],
    ['8-bit forms are removed too', 'a\u009B31mb\u009D0;t\u009Cc\u0090x\u009Cd', 'abcd'],
    ['a reset is removed', 'a\u001Bcb', 'ab'],
    ['a change of character set is removed', 'a\u001B(0b', 'ab'],
    ['a lone escape at the end is removed', 'a\u001B', 'a'],
    ['an unfinished sequence at the end is removed', 'a\u001B[31', 'a'],
    ['backspaces and carriage returns cannot overwrite', 'safe\b\b\b\brm -rf\rls', 'saferm -rfls'],
    ['a Windows line end stays a line end', 'a\r\nb', 'a\nb'],
    ['bell, NUL and DEL are removed', 'a\u0007\0\u007Fb', 'ab'],
    ['an escape inside a sequence begins a new one', 'a\u001B[3\u001B[31mb', 'ab'],
    ['a newline inside a sequence ends it', 'a\u001B[3\nb', 'a\nb'],
    ['a title that is never closed hides one line at most', 'a\u001B]0;evil\nb', 'a\nb'],
    ['a control string closed by another escape does not leak', 'a\u001B]0;x\u001B[31mb', 'ab'],
    ['bidirectional controls are shown', 'a\u202Eb\u2066c', 'a\\u{202E}b\\u{2066}c'],
    ['invisible characters are shown', 'a\u200Bb\u2060c\uFEFFd\u00ADe', 'a\\u{200B}b\\u{2060}c\\u{FEFF}d\\u{AD}e'],
    ['tag characters are shown', 'a\u{E0041}b', 'a\\u{E0041}b'],
    ['a joiner between Latin letters is shown', 'a\u200Db\u200Cc', 'a\\u{200D}b\\u{200C}c'],
    ['a joined emoji stays whole', '👨‍👩‍👧 ❤️‍🔥 1️⃣', '👨‍👩‍👧 ❤️‍🔥 1️⃣'],
    ['joiners in a row are shown', '👨\u200D\u200D👩', '👨\u200D\\u{200D}👩'],
    ['a non-joiner in Persian stays', 'می\u200Cخواهم', 'می\u200Cخواهم'],
    ['line and paragraph separators are shown', 'a\u2028b\u2029c', 'a\\u{2028}b\\u{2029}c'],
    ['half a surrogate pair becomes the replacement character', 'a\uD83Db\uDE00', 'a\uFFFDb\uFFFD'],
  ];
  test.each(cases)('%s', (_title, input, output) => {
    expect(sanitizeTerminalText(input)).toBe(output);
  });

  test('a control string longer than any terminal takes ends by itself', () => {
    expect(sanitizeTerminalText(`\u001B]0;${'x'.repeat(10_000)}`)).toMatch(/^x+$/);
  });

  test('nothing forbidden comes out, and every cutting gives the same, for any input', () => {
    const seed = Date.now() % 2 ** 31;
    const random = seededRandom(seed);
    for (let round = 0; round < 3_000; round += 1) {
      const input = randomText(random);
      const whole = sanitizeTerminalText(input);
      const note = `seed ${seed}, round ${round}, input ${JSON.stringify(input)}`;
      expect(hasForbidden(whole), note).toBe(false);

      const sanitizer = createTerminalSanitizer();
      let pieces = '';
      for (let at = 0; at < input.length;) {
        const length = Math.floor(random() * 4);
        pieces += sanitizer.write(input.slice(at, at + length));
        at += length;
      }
      expect(pieces + sanitizer.end(), note).toBe(whole);
    }
  });

  test('every cut in two of a nasty text gives the same', () => {
    const input = 'a\u001B[1;31mb\u001B]8;;x\u001B\\c\u009B0md😀👨‍👩‍👧\u202Ee\r\n\u001BPq\u001B\\f\u001B';
    const whole = sanitizeTerminalText(input);
    for (let cut = 0; cut <= input.length; cut += 1) {
      const sanitizer = createTerminalSanitizer();
      expect(
        sanitizer.write(input.slice(0, cut)) + sanitizer.write(input.slice(cut)) + sanitizer.end(),
        `cut at ${cut}`,
      ).toBe(whole);
    }
  });

  test('after the end, a new text begins in a clean state', () => {
    const sanitizer = createTerminalSanitizer();
    sanitizer.write('\u001B]0;never closed');
    sanitizer.end();
    expect(sanitizer.write('hello')).toBe('hello');
  });
});

/** Pieces that meet each other badly. */
const nasty = [
  '\u001B [ ] \\ P _ ^ X ( 0 ; ? 3 m q a é 漢 \b \r \u0007 \0 \u007F \u0084 \u0090 \u009B \u009C \u009D',
  '\u009E \u009F \u200B \u200C \u200D \u202E \u2066 \uFE0F \uFE0E \uFEFF \u2028 \uD83D \uDE00 😀 👨 ❤ ی 1 \u{E0041} \u3164 \u00AD',
]
  .flatMap((line) => line.split(' '))
  .concat('\n', '\t', ' ');

function randomText(random: () => number): string {
  const length = Math.floor(random() * 24);
  return Array.from({ length }, () =>
    random() < 0.9 ? nasty[Math.floor(random() * nasty.length)] : String.fromCharCode(Math.floor(random() * 0x10000)),
  ).join('');
}

function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
