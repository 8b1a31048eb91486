import { expectTaken, fuzz, hostileText, oneOf, worstTexts } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { analyzerLanguages, chunkDocument, createAnalyzer, estimateTokens, findNearDuplicates } from '../src/index.ts';
import type { ChunkFormat } from '../src/index.ts';

/** `GEMMA_TEST_FUZZ=10000000` is the long form. */
const inputs = Number(process.env['GEMMA_TEST_FUZZ'] ?? 300);
const seed = Number(process.env['GEMMA_TEST_SEED'] ?? 20_261_123);

const formats = ['prose', 'markdown', 'code'] as const satisfies readonly ChunkFormat[];
const sizes = { maxChars: 256, targetChars: 128, minChars: 16, overlapChars: 16 };

/** Of these, a mebibyte. */
const longest = ['one word', 'one letter with marks', 'open brackets', 'a table', 'a row of a table', 'zero bytes'];

describe('any text', () => {
  const analyzers = Promise.all(analyzerLanguages.map((language) => createAnalyzer({ language })));

  fuzz({
    name: 'has terms, chunks, an estimate of its tokens and near duplicates',
    inputs,
    seed,
    async take(random, about) {
      const all = await analyzers;
      const { analyze, query } = oneOf(random, all);
      const format = oneOf(random, formats);
      const text = hostileText(random, Math.floor(random() ** 4 * 4_000));
      const terms = analyze(text);
      if (terms.includes('')) throw new Error('an empty term');
      const counted = query(text).reduce((sum, { count }) => sum + count, 0);
      if (counted !== terms.length) throw new Error(`${terms.length} terms, and ${counted} of the same as a query`);
      const chunks = chunkDocument({ text, format }, random() < 0.5 ? sizes : {});
      let covered = 0;
      for (const chunk of chunks) {
        if (text.slice(chunk.start, chunk.end) !== chunk.text) throw new Error('a span of another text');
        if (/\S/u.test(text.slice(covered, chunk.start))) throw new Error('something is in no chunk');
        covered = Math.max(covered, chunk.end);
      }
      if (/\S/u.test(text.slice(covered))) throw new Error('the end is in no chunk');
      expect(estimateTokens(text), about).toBeGreaterThanOrEqual(0);
      const near = findNearDuplicates([terms, [...terms, 'a'], terms.slice(1), terms]);
      if (terms.length > 0 && !near.some(({ one: place, other }) => place === 0 && other === 3))
        throw new Error('equal texts are no near duplicates');
    },
  });

  // A bound against what grows with the square of a text, far above what any of them takes.
  it.each([
    ...Object.entries(worstTexts(2 ** 16)),
    ...Object.entries(worstTexts(2 ** 20)).filter(([name]) => longest.includes(name)),
  ])('that is nothing but %s takes less than a second of the processor', async (name, text) => {
    const { analyze, query } = await createAnalyzer();
    const about = `${name}, ${text.length} units`;
    await expectTaken(() => analyze(text), `terms of ${about}`);
    await expectTaken(() => query(text), `a query of ${about}`);
    for (const format of formats)
      await expectTaken(() => chunkDocument({ text, format }), `chunks of ${format} of ${about}`);
    await expectTaken(() => estimateTokens(text), `tokens of ${about}`);
    const terms = analyze(text);
    await expectTaken(() => findNearDuplicates([terms, terms.slice(1)]), `near duplicates of ${about}`);
  });
});
