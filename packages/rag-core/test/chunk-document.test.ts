import { isGemmaError } from '@gemma-cli/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkDefaults, chunkDocument } from '../src/index.ts';
import type { Chunk, ChunkFormat } from '../src/index.ts';

const formats = ['prose', 'markdown', 'code'] as const satisfies readonly ChunkFormat[];
const titles = (chunks: readonly Chunk[]) => chunks.map(({ title }) => title);
const texts = (chunks: readonly Chunk[]) => chunks.map(({ text }) => text);
const sentence = (n: number) => `Sentence ${n} says what the keeper wrote down that evening.`;
const paragraph = (n: number, sentences: number) =>
  Array.from({ length: sentences }, (_, index) => sentence(100 * n + index)).join(' ');

describe('chunks of every format', () => {
  it('of a short text are one, without the white space around it', () => {
    for (const format of formats)
      expect(chunkDocument({ text: '\n  \nA text.\n\n', format })).toEqual([
        { text: 'A text.', start: 4, end: 11, title: null },
      ]);
  });

  it('of nothing but white space are none', () => {
    for (const format of formats)
      for (const text of ['', ' \n\t\r\n \u00a0\u3000']) expect(chunkDocument({ text, format })).toEqual([]);
  });

  it('have the title of the whole', () => {
    for (const format of formats) {
      const chunks = chunkDocument({ text: paragraph(1, 90), format, title: 'Log book' });
      expect(chunks.length).toBeGreaterThan(2);
      expect(new Set(titles(chunks))).toEqual(new Set(['Log book']));
    }
  });

  const piece = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      '\n',
      '\n\n',
      ' ',
      '. ',
      '! ',
      '。',
      '\r\n',
      '\t',
      '\n# One\n',
      '\n## Two\n\n',
      '\n### Three',
      'Under\n=====\n',
      '\n```\n',
      '\n~~~ts\n',
      '---\n',
      '}\n\n',
      'function a() {\n  return 1;\n}\n',
      '- item\n',
      '👩‍👩‍👧‍👦',
      '🇩🇪🇫🇷',
      'e\u0301',
      ' \u0301',
      '\u0600 ',
      'क्षि',
      '각',
      '\ud83d',
      'x'.repeat(90),
      'word '.repeat(30),
    ),
  );
  const documents = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
  const sizes = fc
    .record({
      max: fc.integer({ min: 64, max: 400 }),
      target: fc.integer({ min: 1, max: 100 }),
      min: fc.nat(100),
      overlap: fc.nat(50),
    })
    .map(({ max, target, min, overlap }): Record<keyof typeof chunkDefaults, number> => {
      const targetChars = Math.max(1, Math.floor((max * target) / 100));
      return {
        maxChars: max,
        targetChars,
        minChars: Math.floor((targetChars * min) / 100),
        overlapChars: Math.floor((targetChars * overlap) / 100),
      };
    });

  it('give exact places, cover all that is not white space, keep to the maximum, and cut no character', () => {
    const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
    fc.assert(
      fc.property(documents, fc.constantFrom(...formats), sizes, (text, format, some) => {
        const borders = new Set([text.length]);
        for (const { index } of graphemes.segment(text)) borders.add(index);
        const chunks = chunkDocument({ text, format }, some);
        let covered = 0;
        let before = -1;
        for (const chunk of chunks) {
          expect(chunk.text).toBe(text.slice(chunk.start, chunk.end));
          expect(chunk.text.trim()).not.toBe('');
          expect(chunk.text.length).toBeLessThanOrEqual(some.maxChars);
          expect(chunk.start).toBeGreaterThan(before);
          if (chunk.start > covered) expect(text.slice(covered, chunk.start).trim()).toBe('');
          expect(chunk.end).toBeGreaterThan(covered);
          expect(borders.has(chunk.start), `start ${chunk.start}`).toBe(true);
          expect(borders.has(chunk.end), `end ${chunk.end}`).toBe(true);
          before = chunk.start;
          covered = chunk.end;
        }
        expect(text.slice(covered).trim()).toBe('');
      }),
      { numRuns: 200 },
    );
  });

  it('repeat at most the overlap that was asked for, and nothing without one', () => {
    fc.assert(
      fc.property(documents, fc.constantFrom(...formats), sizes, (text, format, some) => {
        for (const overlapChars of [0, some.overlapChars]) {
          const chunks = chunkDocument({ text, format }, { ...some, overlapChars });
          for (const [index, chunk] of chunks.entries()) {
            const repeated = (chunks[index - 1]?.end ?? 0) - chunk.start;
            // White space between two chunks, or a character that holds some, comes on top.
            if (repeated > 0)
              expect(text.slice(chunk.start, chunk.start + repeated).trimEnd().length).toBeLessThanOrEqual(
                overlapChars + 1,
              );
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('cut a letter with hundreds of marks, but no surrogate pair of it', () => {
    const text = `a${'𝅥'.repeat(300)} b`;
    const chunks = chunkDocument({ text, format: 'prose' }, { maxChars: 101, targetChars: 100 });
    expect(chunks.length).toBeGreaterThan(5);
    for (const { text: part } of chunks) expect(part).not.toMatch(/\p{Surrogate}/u);
  });

  it('refuse sizes that do not fit together', () => {
    for (const some of [
      { maxChars: 63 },
      { targetChars: 500, maxChars: 400 },
      { minChars: 300, targetChars: 200 },
      { overlapChars: 101, targetChars: 200 },
      { targetChars: 0 },
      { targetChars: 100.5 },
      { maxChars: Number.NaN },
    ]) {
      const refused = (() => {
        try {
          return chunkDocument({ text: 'a', format: 'prose' }, some);
        } catch (error) {
          return error;
        }
      })();
      expect(isGemmaError(refused) && refused.code, JSON.stringify(some)).toBe('REQUEST_INVALID');
    }
  });

  it('fit the others to the one size that is given', () => {
    const text = paragraph(1, 200);
    for (const some of [{ targetChars: 100 }, { maxChars: 100 }, { targetChars: 5_000 }, { maxChars: 5_000 }])
      expect(chunkDocument({ text, format: 'prose' }, some).length).toBeGreaterThan(1);
  });
});

describe('chunks of prose', () => {
  it('end with paragraphs, and are about as long as was aimed at', () => {
    const text = Array.from({ length: 40 }, (_, n) => paragraph(n, 5)).join('\n\n');
    const chunks = chunkDocument({ text, format: 'prose' }, { overlapChars: 0 });
    for (const { text: part } of chunks) {
      expect(part).toMatch(/^Sentence (?:\d+0)?0 .*evening\.$/su);
      expect(Math.abs(part.length - chunkDefaults.targetChars)).toBeLessThan(400);
    }
  });

  it('end with sentences where a paragraph is too long', () => {
    const chunks = chunkDocument({ text: paragraph(1, 100), format: 'prose' });
    expect(chunks.length).toBeGreaterThan(3);
    for (const { text } of chunks) expect(text).toMatch(/^Sentence .*evening\.$/su);
  });

  it('repeat the last sentences of the one before', () => {
    const chunks = chunkDocument({ text: paragraph(1, 100), format: 'prose' });
    for (const [index, chunk] of chunks.entries()) {
      const last = chunks[index - 1];
      if (last === undefined) continue;
      expect(last.end - chunk.start).toBeGreaterThan(50);
      expect(last.end - chunk.start).toBeLessThanOrEqual(chunkDefaults.overlapChars);
    }
  });

  it('know that a full stop is not always the end', () => {
    const text = `${'Mr J. Smith, i.e. the keeper, wrote e.g. about the wind. '.repeat(3)}Then he slept.`;
    const chunks = chunkDocument(
      { text, format: 'prose' },
      { maxChars: 70, targetChars: 64, minChars: 0, overlapChars: 0 },
    );
    expect(texts(chunks)).toEqual([
      ...Array.from({ length: 3 }, () => 'Mr J. Smith, i.e. the keeper, wrote e.g. about the wind.'),
      'Then he slept.',
    ]);
  });

  it('end with sentences in scripts without spaces, too', () => {
    const text = '灯台守は風を書き留めた。'.repeat(40);
    for (const { text: part } of chunkDocument({ text, format: 'prose' }, { targetChars: 100, maxChars: 150 }))
      expect(part).toMatch(/。$/u);
  });

  it('do not cut words while there is a place between two', () => {
    const text = Array.from({ length: 800 }, (_, n) => `word${n}`).join(' ');
    for (const { start, end } of chunkDocument({ text, format: 'prose' })) {
      expect(start === 0 || text[start - 1] === ' ').toBe(true);
      expect(end === text.length || text[end] === ' ').toBe(true);
    }
  });

  it('are few in hostile texts, too', () => {
    for (const part of [
      '.',
      '. ',
      'a',
      '\n',
      '#',
      '# a\n',
      '```\n',
      '[',
      '-',
      ' a\n',
      '\u0301',
      '🇩🇪',
      '"',
      '- \n',
      '=\n',
    ])
      for (const format of formats) {
        const text = part.repeat(Math.ceil(20_000 / part.length));
        expect(chunkDocument({ text, format, title: null }).length).toBeLessThan(1_000);
      }
  });
});

describe('chunks of Markdown', () => {
  const long = (n: number) => paragraph(n, 8);

  it('stand under their headings, whose path is their title', () => {
    const text = `# Guide\n\n${long(1)}\n\n## Install\n\n${long(2)}\n\n### On \`Linux\`\n\n${long(3)}\n\n## [Use](use.md) ##\n\n${long(4)}\n`;
    const chunks = chunkDocument({ text, format: 'markdown', title: 'gemma' });
    expect(titles(chunks)).toEqual([
      'gemma › Guide',
      'gemma › Guide › Install',
      'gemma › Guide › Install › On Linux',
      'gemma › Guide › Use',
    ]);
    expect(chunks[1]?.text).toBe(`## Install\n\n${long(2)}`);
  });

  it('know underlined headings, and leave a title out that the first heading repeats', () => {
    const text = `Guide\n=====\n\n${long(1)}\n\nInstall\n-------\n\n${long(2)}\n\nNo heading,\nbut two lines\n---\n`;
    expect(titles(chunkDocument({ text, format: 'markdown', title: 'Guide' }))).toEqual(['Guide', 'Guide › Install']);
  });

  it('take no heading from a block of code or from what stands before the text', () => {
    const text = `---\ntitle: Guide\n# no heading\n---\n\n${long(1)}\n\n~~~sh\n# no heading\n\`\`\`\n# nor this\n~~~\n\n####### nor this\n#nor this\n`;
    expect(new Set(titles(chunkDocument({ text, format: 'markdown' })))).toEqual(new Set([null]));
  });

  it('keep a block of code whole where it fits', () => {
    const code = `\`\`\`js\n${Array.from({ length: 20 }, (_, n) => `const value${n} = ${n};`).join('\n\n')}\n\`\`\``;
    const text = `# A\n\n${long(1)}\n\n${long(2)}\n\n${code}\n\n${long(3)}\n\n${long(4)}\n`;
    const chunks = chunkDocument({ text, format: 'markdown' }, { overlapChars: 0 });
    expect(chunks.length).toBeGreaterThan(1);
    expect(chunks.filter((chunk) => chunk.text.includes(code))).toHaveLength(1);
  });

  it('join short sections with what follows, but not with a higher heading', () => {
    const text = '# A\n\n## B\n\nShort b.\n\n## C\n\nShort c.\n\n# D\n\nShort d.\n';
    const chunks = chunkDocument({ text, format: 'markdown' });
    expect(texts(chunks)).toEqual([text.trim()]);
    expect(titles(chunks)).toEqual([null]);
    expect(titles(chunkDocument({ text: '# A\n\nText a.\n\n## B\n\nText b.\n', format: 'markdown' }))).toEqual(['A']);
    expect(titles(chunkDocument({ text: '# A\n\n## B\n\nText b.\n', format: 'markdown' }))).toEqual(['A › B']);
    const down = chunkDocument({ text: `## A\n\nText a.\n\n# B\n\n${long(1)}\n`, format: 'markdown' });
    expect(titles(down)).toEqual(['A', 'B']);
  });
});

describe('chunks of code', () => {
  const unit = (n: number) =>
    `/** Tells what ${n} is. */\nexport function value${n}() {\n  const one = ${n};\n\n  return one + ${n};\n}`;

  it('end with units, and keep what is written above one with it', () => {
    const text = Array.from({ length: 60 }, (_, n) => unit(n)).join('\n\n');
    const chunks = chunkDocument({ text, format: 'code' }, { overlapChars: 0 });
    expect(chunks.length).toBeGreaterThan(3);
    for (const { text: part } of chunks) expect(part).toMatch(/^\/\*\* Tells.*\n\}$/su);
  });

  it('keep the indentation of their first line', () => {
    const text = `class A:\n${Array.from({ length: 60 }, (_, n) => `    def method${n}(self):\n        return ${n}\n`).join('\n')}`;
    const chunks = chunkDocument({ text, format: 'code' }, { overlapChars: 0 });
    expect(chunks.length).toBeGreaterThan(1);
    for (const { text: part } of chunks.slice(1)) expect(part).toMatch(/^ {4}def /u);
  });
});
