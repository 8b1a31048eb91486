import { isGemmaError } from '@gemma-cli/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newAnalyzer } from '../src/analyzer.ts';
import type { TermNumbering } from '../src/analyzer.ts';
import { analyzerLanguages, createAnalyzer, searchedText, termUnitsMax } from '../src/index.ts';

const english = await createAnalyzer();
const terms = (text: string) => english.analyze(text);

describe('terms of a text', () => {
  it('are its words in lower case, stemmed, in their order, with repetitions and stop words', () => {
    expect(terms('The keepers kept keeping the LIGHTHOUSES.')).toEqual([
      'the',
      'keeper',
      'kept',
      'keep',
      'the',
      'lighthous',
    ]);
  });

  it('are those of Snowball, not of the older Porter stemmer', () => {
    expect(terms('generously dying skies early agreed')).toEqual(['generous', 'die', 'sky', 'earli', 'agre']);
  });

  it.each([
    ['getUserName', ['getusernam', 'get', 'user', 'name']],
    ['get_user_name', ['getusernam', 'get', 'user', 'name']],
    ['get-user-name', ['getusernam', 'get', 'user', 'name']],
    ['GET_USER_NAME', ['getusernam', 'get', 'user', 'name']],
    ['HTMLParser', ['htmlparser', 'html', 'parser']],
    ['XMLHttpRequest2', ['xmlhttprequest2', 'xml', 'http', 'request2']],
    ['utf8Text', ['utf8text', 'utf8', 'text']],
    ['__init__', ['init']],
    ['_x', ['x']],
    ['self.stream.write', ['self', 'stream', 'write']],
    ['--dry-run', ['dryrun', 'dri', 'run']],
    ['foo_', ['foo']],
  ])('of the name %s are its parts and the whole', (name, expected) => {
    expect(terms(name)).toEqual(expected);
  });

  it('find a name however it is written', () => {
    const whole = terms('getUserName')[0];
    for (const name of ['get_user_name', 'get-user-name', 'GetUserName', 'getusername'])
      expect(terms(name), name).toContain(whole);
  });

  it.each([
    ["Ada's notes", ['ada', 'note']],
    ['Ada’s notes', ['ada', 'note']],
    ["they've, I'm, we'll", ['they', 'i', 'we']],
    ["don't", ['dont']],
    ['can’t', ['cant']],
    ["O'Brien", ['obrien', 'o', 'brien']],
    ["the boys' dogs", ['the', 'boy', 'dog']],
    ["'quoted'", ['quot']],
  ])('of %s know what an apostrophe is', (text, expected) => {
    expect(terms(text)).toEqual(expected);
  });

  it.each([
    ['ﬁne', 'fine'],
    ['Ｆｕｌｌ', 'Full'],
    ['na\u00efve cafe\u0301', 'naive cafe'],
    ['co\u00adoperate', 'cooperate'],
    ['10 ㎏', '10 kg'],
    ['½', '1⁄2'],
    ['non\u2011breaking', 'non-breaking'],
    ['ｆｏｏ＿ｂａｒ', 'foo_bar'],
    ['a =\u0338b', 'a ≠b'],
  ])('of %s are those of %s', (written, meant) => {
    expect(terms(written)).toEqual(terms(meant));
    expect(terms(written)).not.toEqual([]);
  });

  it('are the same however accents are encoded', () => {
    const word = fc.array(
      fc.constantFrom(
        'a',
        'e',
        'i',
        'o',
        'u',
        'c',
        'n',
        '\u0301',
        '\u0308',
        '\u0327',
        '\u0303',
        'é',
        'ü',
        'ç',
        ' ',
        'ń',
        'X',
        'Z',
        '_',
        '-',
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(word, (letters) => {
        const text = letters.join('');
        expect(terms(text.normalize('NFD'))).toEqual(terms(text.normalize('NFC')));
      }),
    );
  });

  it('of scripts without spaces are words, and the words beside them stay whole', () => {
    expect(terms('東京都に住んでいます')).toContain('東京');
    expect(terms('我们使用Gemma模型')).toEqual(expect.arrayContaining(['gemma', '模型']));
    expect(terms('ภาษาไทยง่าย').length).toBeGreaterThan(1);
    expect(terms('ﾃﾞｰﾀ')).toEqual(terms('データ'));
    expect(terms('한국어 문서')).toEqual(['한국어', '문서']);
  });

  it('of punctuation and pictures are none', () => {
    expect(terms('… — 🙂 👩‍👩‍👧 *** --- ___ \u0301 \ud83d')).toEqual([]);
  });

  it('are at most 64 code units long, never half a character', () => {
    expect(terms('x'.repeat(1_000))).toEqual(['x'.repeat(termUnitsMax)]);
    expect(terms(`a${'𝓍'.repeat(200)}`)).toEqual([`a${'x'.repeat(63)}`]);
    const [gothic] = terms(`a${'𐌰'.repeat(200)}`);
    expect(gothic).toBe(`a${'𐌰'.repeat(31)}`);
  });

  it('do not depend on what was analyzed before', async () => {
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 60 }), { minLength: 1, maxLength: 20 });
    const other = await newAnalyzer('en');
    await fc.assert(
      fc.asyncProperty(texts, async (list) => {
        const fresh = await newAnalyzer('en');
        for (const text of list) expect(other.analyze(text)).toEqual(fresh.analyze(text));
      }),
      { numRuns: 8 },
    );
  });

  it('are the same whether their words are new or remembered', () => {
    const text = 'Words that collide push one another out of the table: αβγ, fooBar, 東京. ';
    const first = terms(text);
    // More different words than the table has places.
    for (let block = 0; block < 40; block++)
      terms(Array.from({ length: 1_000 }, (_, at) => `w${block}x${at}`).join(' '));
    expect(terms(text)).toEqual(first);
    expect(terms(text)).toEqual(first);
  });

  it('of a long text are those of its lines', () => {
    const line = 'The getUserName of 東京 is Ada’s, naïve and co\u00adoperative. ';
    const once = terms(line);
    expect(terms(line.repeat(1_200))).toEqual(Array.from({ length: 1_200 }, () => once).flat());
  });
});

describe('numbers of terms', () => {
  /** The terms that the numbers of a text stand for. */
  const told = (numbering: TermNumbering, text: string) => {
    const { numbers, count } = numbering.analyze(text);
    return Array.from(numbers.subarray(0, count), (number) => numbering.terms[number]);
  };

  it('stand for the terms of a text, in any text, whether its words are new or not', () => {
    const numbering = english.numbering();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (text) => {
        expect(told(numbering, text)).toEqual(terms(text));
        expect(told(numbering, text)).toEqual(terms(text));
      }),
    );
    const texts = ['The getUserName of 東京 is Ada’s, naïve and co\u00adoperative.', `x${'y'.repeat(90)} --- 𝓍𝓎`];
    for (const text of [...texts, ...texts]) expect(told(numbering, text)).toEqual(terms(text));
  });

  it('are one for each term, from 0 on, however many words come', () => {
    const numbering = english.numbering();
    for (let block = 0; block < 6; block++) {
      const text = Array.from({ length: 1_000 }, (_, at) => `W${block}x${at} w${block}X${at}`).join(' ');
      expect(told(numbering, text)).toEqual(terms(text));
    }
    expect(new Set(numbering.terms).size).toBe(numbering.terms.length);
    for (const [number, term] of numbering.terms.entries())
      if (numbering.numberOf(term) !== number) expect(numbering.numberOf(term), term).toBe(number);
    expect(numbering.numberOf('unheard')).toBeUndefined();
  });

  it('are found for more words than there are places near the one that their hashes name', () => {
    const hashOf = (word: string) =>
      Array.from(word, (unit) => unit.charCodeAt(0)).reduce((hash, unit) => Math.imul(hash ^ unit, 0x01_00_01_93), 0);
    const words = Array.from({ length: 26 ** 4 / 4 }, (_, index) =>
      [17_576, 676, 26, 1].map((of) => String.fromCharCode(97 + (Math.floor(index / of) % 26))).join(''),
    ).filter((word) => ((hashOf(word) ^ (hashOf(word) >>> 15)) & 0x1f_ff) < 8);
    expect(words.length).toBeGreaterThan(50);
    const text = words.join(' ');
    const numbering = english.numbering();
    for (let times = 0; times < 3; times++) expect(told(numbering, text)).toEqual(terms(text));
  });
});

describe('terms of a query', () => {
  it('are told once, with their counts, and stop words are marked, not left out', () => {
    expect(english.query('What does the parser of the HTMLParser do?')).toEqual([
      { term: 'what', count: 1, isStopWord: true },
      { term: 'doe', count: 1, isStopWord: true },
      { term: 'the', count: 2, isStopWord: true },
      { term: 'parser', count: 2, isStopWord: false },
      { term: 'of', count: 1, isStopWord: true },
      { term: 'htmlparser', count: 1, isStopWord: false },
      { term: 'html', count: 1, isStopWord: false },
      { term: 'do', count: 1, isStopWord: true },
    ]);
  });

  it('are terms of the text that it was taken from', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (text) => {
        const all = terms(text);
        const asked = english.query(text);
        expect(new Set(asked.map(({ term }) => term))).toEqual(new Set(all));
        expect(asked.reduce((sum, { count }) => sum + count, 0)).toBe(all.length);
      }),
    );
  });
});

describe('languages', () => {
  it.each([
    ['de', 'Die Häuser im Wald', ['die', 'haus', 'im', 'wald']],
    ['fr', "L'avion et les chevaux", ['l', 'avion', 'et', 'le', 'cheval']],
    ['es', 'corriendo', ['corr']],
    ['ru', 'бегущие', ['бегущ']],
    ['pl', 'Zażółć gęślą', ['zażółć', 'gęślą']],
  ])('%s has a stemmer of its own, or none', async (language, text, expected) => {
    expect((await createAnalyzer({ language })).analyze(text)).toEqual(expected);
  });

  it('have one analyzer each, whoever asks for it', async () => {
    const [one, other] = await Promise.all([createAnalyzer({ language: 'nl' }), createAnalyzer({ language: 'nl' })]);
    expect(other).toBe(one);
    expect(await createAnalyzer()).toBe(english);
    expect(await createAnalyzer({ language: 'nl' })).not.toBe(english);
  });

  it('tr knows both kinds of i', async () => {
    const { analyze } = await createAnalyzer({ language: 'tr' });
    expect(analyze('ISPARTA')).toEqual(analyze('ısparta'));
    expect(analyze('İZMİR')).toEqual(analyze('izmir'));
  });

  it('have stop words of their own', async () => {
    const german = await createAnalyzer({ language: 'de' });
    expect(german.query('der Hund').map(({ isStopWord }) => isStopWord)).toEqual([true, false]);
    expect(english.query('der Hund').map(({ isStopWord }) => isStopWord)).toEqual([false, false]);
  });

  it('that nobody knows are refused with those that are known', async () => {
    const refused = await createAnalyzer({ language: 'tlh' }).catch((error: unknown) => error);
    expect(isGemmaError(refused) && refused.code).toBe('REQUEST_INVALID');
    expect(String(refused)).toContain('de, el, en, es');
    await expect(createAnalyzer({ language: 'constructor' })).rejects.toThrow('"constructor"');
  });

  it('are told in the fingerprint, with the version and the tables of Unicode', async () => {
    expect(english.fingerprint).toBe(`${english.version}:en:icu ${process.versions.icu}`);
    expect((await createAnalyzer({ language: 'de' })).fingerprint).not.toBe(english.fingerprint);
  });

  it.each(analyzerLanguages)('%s takes every text', async (language) => {
    const some = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: 'grapheme', maxLength: 100 }),
      fc.array(fc.integer({ min: 0, max: 0xff_ff }), { maxLength: 200 }).map((units) => String.fromCharCode(...units)),
      fc
        .array(
          fc.constantFrom(
            'a',
            'A',
            'é',
            'ß',
            'İ',
            'я',
            'ي',
            '\u0301',
            "'",
            '’',
            '-',
            '_',
            '9',
            '中',
            'ก',
            '\u200d',
            ' ',
          ),
          { maxLength: 90 },
        )
        .map((letters) => letters.join('')),
    );
    const analyzer = await createAnalyzer({ language });
    fc.assert(
      fc.property(some, (text) => {
        const unsound = analyzer.analyze(text).filter((term) => term === '' || term.length > 2 * termUnitsMax);
        expect(unsound).toEqual([]);
      }),
      { numRuns: 8 },
    );
  });
});

describe('hostile texts', () => {
  it.each([
    ['one word', 'a'.repeat(400_000), 1],
    ['one identifier', 'aB'.repeat(100_000), 100_002],
    ['marks without end', `e${'\u0301\u0316'.repeat(200_000)}`, 1],
    ['hyphens', '-a'.repeat(100_000), 100_001],
    ['apostrophes', "n't".repeat(50_000), 50_002],
    ['characters that become eighteen', '\ufdfa'.repeat(20_000), 80_000],
    ['Han without end', '漢字'.repeat(50_000), 50_000],
    ['halves of pairs', '\ud83d'.repeat(200_000), 0],
  ])('%s: terms in proportion to the text', (_, text, most) => {
    expect(terms(text).length).toBeLessThanOrEqual(most);
    expect(english.query(text).length).toBeLessThanOrEqual(most);
  });
});

describe('searchedText', () => {
  it('is title and text as one', () => {
    expect(searchedText({ title: null, text: 'b' })).toBe('b');
    expect(searchedText({ title: 'a', text: 'b' })).toBe('a\nb');
  });
});
