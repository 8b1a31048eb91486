import { describe, expect, it } from 'vitest';
import { createTokenLedger, evaluationChunkTokens } from '@gemma-cli/model-process';
import { reusablePrefixTokens } from '../src/reusable-prefix.ts';

const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);

function ledgerOf(...batches: readonly (readonly number[])[]) {
  const ledger = createTokenLedger();
  for (const batch of batches) ledger.append(batch, true);
  return ledger;
}

describe('reusablePrefixTokens', () => {
  it('takes the whole common prefix', () => {
    expect(reusablePrefixTokens(ledgerOf([1, 2, 3, 4]), [1, 2, 3, 9, 9], false)).toBe(3);
  });

  it('leaves one token of the prompt to sample from', () => {
    expect(reusablePrefixTokens(ledgerOf([1, 2, 3, 4]), [1, 2, 3], false)).toBe(2);
    expect(reusablePrefixTokens(ledgerOf([1]), [1], false)).toBe(0);
  });

  it('takes nothing from an empty sequence', () => {
    expect(reusablePrefixTokens(createTokenLedger(), [1, 2, 3], false)).toBe(0);
  });

  it('takes only whole chunks of the fixed schedule when the text must be reproducible', () => {
    const prompt = numbers(3 * evaluationChunkTokens);
    const [first, second, third] = [0, 1, 2].map((chunk) =>
      numbers(evaluationChunkTokens, chunk * evaluationChunkTokens),
    );
    expect(
      reusablePrefixTokens(ledgerOf(first ?? [], second ?? [], [...(third ?? [])].slice(0, 5)), prompt, true),
    ).toBe(2 * evaluationChunkTokens);
    // The same tokens, but the second chunk was decoded one by one.
    const decoded = ledgerOf(first ?? [], ...(second ?? []).map((token) => [token]));
    expect(reusablePrefixTokens(decoded, prompt, true)).toBe(evaluationChunkTokens);
    expect(reusablePrefixTokens(decoded, prompt, false)).toBe(2 * evaluationChunkTokens);
  });
});
