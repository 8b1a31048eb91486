import { seededRandom } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import stem from 'wink-porter2-stemmer';
import { stemPlain } from '../src/plain-porter2.ts';

/** `GEMMA_TEST_WORDS=1000000` is the long form. */
const seed = Number(process.env['GEMMA_TEST_SEED'] ?? 20_261_123);
const words = Number(process.env['GEMMA_TEST_WORDS'] ?? 1_000);

const pieces =
  'a e i o u y 3 s t l n b d h x w gg tt ing ingly ed edly eed eedly ies ied sses us ss ational ization biliti lessli ousli ogi li ful ness ative alize icate ement ion sion ance er ic gener commun arsen ll at bl iz inning proceed run nation hope'.split(
    ' ',
  );

describe('the stemmer of plain words', () => {
  it(`stems ${words} words as the library does, whatever they are made of`, () => {
    const random = seededRandom(seed);
    for (let count = 0; count < words; count++) {
      const word = Array.from(
        { length: 1 + Math.floor(random() * 5) },
        () => pieces[Math.floor(random() * pieces.length)],
      ).join('');
      const found = stemPlain(word);
      if (found !== stem(word)) expect(found, `seed ${seed}: ${word}`).toBe(stem(word));
    }
  });

  it('takes every suffix off as it does, behind every kind of beginning', () => {
    const beginnings = 'a be tr hop nation genera sent stud rel lov'.split(' ');
    const suffixes =
      's es ss sses ied ies us ed eed edly eedly ing ingly e l ll y ization ational fulness ousness iveness tional biliti lessli entli ation alism aliti ousli iviti fulli enci anci abli izer ator alli bli ogi logi li cli dli xli alize icate iciti ative ical ness ful ement ance ence able ible ment ant ent ism ate iti ous ive ize ion sion tion al er ic'.split(
        ' ',
      );
    for (const beginning of beginnings)
      for (const suffix of suffixes) {
        const word = `${beginning}${suffix}`;
        if (stemPlain(word) !== stem(word)) expect(stemPlain(word), word).toBe(stem(word));
      }
  });

  it('stems what the library has exceptions for as it does', () => {
    for (const word of 'skis skies dying lying tying idly gently ugly early only singly sky news atlas cosmos bias andes inning outing canning herring proceed exceed succeed earring innings outings exceeded earrings generous communal arsenal ies ied ties cries gas this kiwis by say yield y ly dly fly eely eedly agreedly beed ss ee bb add egg ebb'.split(
      ' ',
    ))
      expect(stemPlain(word), word).toBe(stem(word));
  });

  it('leaves words of other characters, and very long ones, to the library', () => {
    for (const word of ['naïve', "don't", 'Upper', 'слово', 'a'.repeat(65)]) expect(stemPlain(word), word).toBeNull();
  });
});
