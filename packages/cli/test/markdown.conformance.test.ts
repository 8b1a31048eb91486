import { describe, expect, test } from 'vitest';
import { createHighlighter } from '../src/chat/highlight-code.ts';
import { createLiveRegion } from '../src/chat/live-region.ts';
import { createMarkdownStream } from '../src/chat/markdown-stream.ts';
import { createTerminalStyle, type StyleLevel } from '../src/chat/terminal-style.ts';
import { withoutStyle } from '../src/chat/text-layout.ts';
import { createTerminalScreen } from './terminal-screen.ts';

/** Shows a text that comes in pieces. */
function showPieces(
  pieces: readonly string[],
  { columns = 80, rows = 24, level = 'plain' }: { columns?: number; rows?: number; level?: StyleLevel } = {},
) {
  const screen = createTerminalScreen({ columns, rows });
  const region = createLiveRegion(screen.output);
  const stream = createMarkdownStream(() => ({ width: columns, style: createTerminalStyle(level) }));
  const states: string[] = [];
  const frame = ({ done, live }: { readonly done: readonly string[]; readonly live: readonly string[] }): void => {
    region.update([...done, ...live]);
    region.settle(done.length);
    states.push(screen.lines.join('\n'));
  };
  for (const piece of pieces) frame(stream.write(piece));
  frame(stream.end());
  region.end();
  return { ...screen, lines: screen.lines, written: screen.written, cursor: screen.cursor, states };
}

function show(text: string, options?: Parameters<typeof showPieces>[1]) {
  return showPieces([text], options).lines;
}

describe('Markdown on a terminal', () => {
  test('headings, emphasis, code and links lose their marks, and links show their address', () => {
    expect(show('# Title\n\nSome **bold**, *italic*, ~~old~~ and `code`, [here](https://x.test/a).')).toEqual([
      'Title',
      '',
      'Some bold, italic, old and code, here (https://x.test/a).',
    ]);
    expect(show('See https://x.test and <a@x.test>.')).toEqual(['See https://x.test and a@x.test.']);
  });

  test('what a reader may copy stays Markdown: lists, quotes, fences', () => {
    expect(show('- one\n- two\n  - deep\n\n1. first\n2. second\n\n> said\n> so\n\n```js\nlet a = 1;\n```\n')).toEqual([
      '- one',
      '- two',
      '  - deep',
      '',
      '1. first',
      '2. second',
      '',
      '> said',
      '> so',
      '',
      '```js',
      'let a = 1;',
      '```',
    ]);
    expect(show('- [x] done\n- [ ] open')).toEqual(['- [x] done', '- [ ] open']);
  });

  test('a table has columns that line up, with cells that are wrapped when it is too wide', () => {
    const table = '| Name | Price |\n|:--|--:|\n| Apple | 3 |\n| Watermelon | 12 |\n';
    expect(show(table)).toEqual(['Name        Price', '──────────  ─────', 'Apple           3', 'Watermelon     12']);
    const narrow = show('| A | B |\n|--|--|\n| one two three four | five six seven eight |\n', { columns: 22 });
    expect(narrow).toEqual([
      'A           B',
      '──────────  ──────────',
      'one two     five six',
      'three four  seven',
      '            eight',
    ]);
  });

  test('prose is broken between words, code never', () => {
    expect(show('aaaa bbbb cccc dddd', { columns: 10 })).toEqual(['aaaa bbbb', 'cccc dddd']);
    expect(show('12345678901234 x', { columns: 10 })).toEqual(['1234567890', '1234 x']);
    expect(show('日本語日本語日本語', { columns: 10 })).toEqual(['日本語日本', '語日本語']);
    const { written } = showPieces(['```\n', 'x'.repeat(30), '\n```\n'], { columns: 10 });
    expect(written).toContain('x'.repeat(30));
  });

  test('a newline within a paragraph stays one', () => {
    expect(show('Roses are red\nViolets are blue')).toEqual(['Roses are red', 'Violets are blue']);
  });

  test('a paragraph keeps what its lines are indented with, and spaces between words', () => {
    expect(show('def f(x):\n    return x\n\tdeep   down')).toEqual(['def f(x):', '    return x', '    deep   down']);
  });

  test('an unfinished mark is shown as it is, and becomes emphasis in place when it is complete', () => {
    const { states } = showPieces(['a **b', 'c', '** d']);
    expect(states).toEqual(['a **b', 'a **bc', 'a bc d', 'a bc d']);
  });

  test('a paragraph turns into a table in place', () => {
    const { states, lines } = showPieces(['| A | B |\n', '|--|--|\n', '| 1 | 2 |']);
    expect(states[0]).toBe('| A | B |');
    expect(lines).toEqual(['A  B', '─  ─', '1  2']);
  });

  test('text appears with every piece, and never waits for the end of a block', () => {
    const text = 'One sentence of a paragraph.\n\n- item one\n- item two\n\n```py\nprint(1)\n```\n\nThe end.';
    const { states } = showPieces(Array.from(text));
    const shownChars = states.map((state) => state.replaceAll(/\s/g, '').length);
    let seen = 0;
    for (const [index, character] of Array.from(text).entries()) {
      if (!/[\s]/.test(character)) seen += 1;
      // A mark of a list or a fence may be taken back for a moment, never more than that.
      expect(shownChars[index]).toBeGreaterThanOrEqual(seen - 6);
    }
  });

  test('however the text is cut into pieces, the terminal ends up the same', () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = mulberry32(seed);
    for (let round = 0; round < 60; round += 1) {
      const text = Array.from(
        { length: 1 + Math.floor(random() * 6) },
        () => blocks[Math.floor(random() * blocks.length)],
      ).join('\n\n');
      const options = { columns: 12 + Math.floor(random() * 60), rows: 200 };
      const pieces: string[] = [];
      for (let rest = text; rest !== '';) {
        const cut = 1 + Math.floor(random() * 9);
        pieces.push(rest.slice(0, cut));
        rest = rest.slice(cut);
      }
      expect(showPieces(pieces, options).lines, `seed ${seed}, round ${round}: ${JSON.stringify(pieces)}`).toEqual(
        show(text, options),
      );
    }
  });

  test('a block that is taller than the terminal is shown whole, and what left the screen is not written again', () => {
    const items = Array.from({ length: 60 }, (_, index) => `- item ${index}`);
    const { lines, written } = showPieces(Array.from(items.join('\n')), { rows: 10 });
    expect(lines).toEqual(items);
    expect(written.match(/item 3\b/g)?.length).toBe(1);
  });

  test('a long code block costs one line for each line: complete lines are never written again', () => {
    const code = Array.from({ length: 300 }, (_, index) => `let v${index} = ${index};`).join('\n');
    const text = `\`\`\`js\n${code}\n\`\`\`\n`;
    const { written } = showPieces(Array.from(text), { level: 'color' });
    // Plain while the line comes, then once more with its colours.
    expect(withoutStyle(written).length).toBeLessThan(3 * text.length);
  });

  test('a fence that is never closed ends with the text, and a longer fence holds a shorter one', () => {
    expect(show('```\nlet a')).toEqual(['```', 'let a']);
    expect(show('````md\n```\nx\n```\n````\nafter')).toEqual(['````md', '```', 'x', '```', '````', 'after']);
  });

  test('without colours there is bold and no colour; without style there is neither', () => {
    const text = '**b** `c`\n\n```js\nlet a = "x";\n```';
    const styles = (level: StyleLevel): readonly string[] =>
      // oxlint-disable-next-line no-control-regex -- styles are what is looked for
      showPieces([text], { level }).written.match(/\u001B\[\d+m/g) ?? [];
    expect(styles('color')).toEqual(expect.arrayContaining(['\u001B[1m', '\u001B[36m', '\u001B[35m', '\u001B[32m']));
    expect(styles('plain')).toContain('\u001B[1m');
    expect(styles('plain').filter((code) => /3\d|9\d/.test(code) && code !== '\u001B[39m')).toEqual([]);
    expect(styles('none')).toEqual([]);
  });

  test('every line closes the style that it opened', () => {
    const { written } = showPieces(['# A **b\n', '> *c\n> d*\n\n', '- **e `f` g**\n'], { level: 'color', columns: 12 });
    for (const line of written.split('\n')) {
      let open = 0;
      // oxlint-disable-next-line no-control-regex -- styles are what is looked for
      for (const [, code] of line.matchAll(/\u001B\[(\d+)m/g))
        open += ['22', '23', '24', '29', '39'].includes(code ?? '') ? -1 : 1;
      expect(open, JSON.stringify(line)).toBe(0);
    }
  });
});

describe('highlighting', () => {
  const style = createTerminalStyle('color');
  const marked = {
    ...style,
    keyword: mark('k'),
    string: mark('s'),
    number: mark('n'),
    comment: mark('c'),
    title: mark('t'),
  };

  function mark(name: string): (text: string) => string {
    return (text) => `<${name}:${text}>`;
  }

  test.each([
    ['js', 'const a = "x\\"y"; // note', '<k:const> a = <s:"x\\"y">; <c:// note>'],
    ['ts', 'let n = 0xff + 1.5e3', '<k:let> n = <n:0xff> + <n:1.5e3>'],
    ['python', "def f(x): return 'a' # b", "<k:def> <t:f>(x): <k:return> <s:'a'> <c:# b>"],
    ['bash', 'if true; then echo "$a"; fi', '<k:if> true; <k:then> <k:echo> <s:"$a">; <k:fi>'],
    ['json', '{"a": [1, true, "b"]}', '{<t:"a">: [<n:1>, <k:true>, <s:"b">]}'],
    ['sql', 'SELECT a FROM t WHERE b = 1', '<k:SELECT> a <k:FROM> t <k:WHERE> b = <n:1>'],
    ['yaml', 'name: "x" # y', '<t:name>: <s:"x"> <c:# y>'],
    ['diff', '+added', '<s:+added>'],
    ['html', '<a href="x">y</a>', '<t:<a> href=<s:"x"><t:>>y<t:</a><t:>>'],
    ['nonsense', 'let a = 1', 'let a = 1'],
  ])('%s: %s', (language, line, expected) => {
    expect(createHighlighter(language, marked)(line)).toBe(expected);
  });

  test('a comment and a string go on over lines', () => {
    const js = createHighlighter('js', marked);
    expect([js('a /* b'), js('c */ d'), js('`e'), js('f` g')]).toEqual([
      'a <c:/* b>',
      '<c:c */> d',
      '<s:`e>',
      '<s:f`> g',
    ]);
    const py = createHighlighter('py', marked);
    expect([py('"""a'), py('b""" c')]).toEqual(['<s:"""a>', '<s:b"""> c']);
  });

  test('no text is lost or changed, whatever it is', () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = mulberry32(seed);
    const alphabet = [
      '"',
      "'",
      '`',
      '\\',
      '/',
      '*',
      '#',
      '-',
      '<',
      '!',
      '>',
      ' ',
      'let',
      'def',
      '0x1',
      '1e',
      'é',
      '日',
      '🙂',
      '[[',
      '"""',
      '$',
      '@a',
    ];
    for (const language of [
      'js',
      'py',
      'sh',
      'json',
      'yaml',
      'toml',
      'c',
      'rust',
      'lua',
      'sql',
      'html',
      'css',
      'diff',
      'go',
    ]) {
      const highlight = createHighlighter(language, style);
      for (let round = 0; round < 40; round += 1) {
        const line = Array.from(
          { length: 1 + Math.floor(random() * 12) },
          () => alphabet[Math.floor(random() * alphabet.length)],
        ).join('');
        expect(withoutStyle(highlight(line)), `seed ${seed}, ${language}`).toBe(line);
      }
    }
  });
});

const blocks = [
  'A paragraph with **bold words** and a `piece of code` in it, long enough to be broken.',
  '# Heading one',
  '## Heading *two*',
  'Setext\n======',
  '- one\n- two\n\n  more of two\n- three',
  '3. three\n4. four\n   - deep **down**',
  '> quoted text\n> of two lines',
  '| A | Bee |\n|---|:-:|\n| one | two |\n| three and more | four |',
  '```js\nconst a = 1;\n\n// done\n```',
  '~~~\ntilde\n~~~',
  '---',
  '日本語のテキストと emoji 👩‍👩‍👧 and more text',
  'A link [to somewhere](https://example.test/path) and https://example.test',
  '    indented code\n    of two lines',
  '<div>html</div>',
  'An * alone, a _ too, and an unclosed `mark',
  'line one\nline two\nline three',
] as const;

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
