import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkDocument, chunkSizesOfTokens, estimateTokens } from '../src/index.ts';

describe('sizes in tokens', () => {
  it('take four letters of English, and a sign and a half of Chinese, for a token', () => {
    expect(estimateTokens('')).toBe(0);
    expect(estimateTokens('The keeper wrote down the wind. ')).toBe(8);
    expect(estimateTokens('灯台守は風を')).toBe(4);
  });

  it('never shrink when a text grows', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (one, other) => {
        expect(estimateTokens(one + other)).toBeGreaterThanOrEqual(estimateTokens(one));
      }),
    );
  });

  it('make chunks of about as many tokens in every script', () => {
    for (const sentence of ['The keeper wrote down the wind. ', '灯台守は風を書き留めた。']) {
      const text = sentence.repeat(400);
      const sizes = chunkSizesOfTokens(text, { targetTokens: 100, maxTokens: 150, minTokens: 20, overlapTokens: 10 });
      const chunks = chunkDocument({ text, format: 'prose' }, sizes);
      expect(chunks.length).toBeGreaterThan(10);
      for (const chunk of chunks) expect(Math.abs(estimateTokens(chunk.text) - 100)).toBeLessThan(40);
    }
  });

  it('leave out what is left out', () => {
    expect(chunkSizesOfTokens('', { maxTokens: 100 })).toEqual({ maxChars: 400 });
  });
});
