import { describe, expect, it } from 'vitest';
import { createChunkPolicy } from '../src/chunk-policy.ts';
import type { ChunkRequest } from '../src/chunk-policy.ts';

const usual: ChunkRequest = {
  at: 0,
  remainingTokens: 4_000,
  threads: 2,
  othersDecoding: false,
  reproducible: false,
};

/** Evaluates a prompt on a machine of this speed and returns the chunks with what each took. */
function evaluatePrompt(
  policy: ReturnType<typeof createChunkPolicy>,
  promptTokens: number,
  msPerToken: (at: number) => number,
  request: Partial<ChunkRequest> = {},
): { tokens: number; ms: number }[] {
  const chunks: { tokens: number; ms: number }[] = [];
  const threads = request.threads ?? usual.threads;
  for (let at = 0; at < promptTokens;) {
    const tokens = policy.next({ ...usual, ...request, at, remainingTokens: promptTokens - at });
    const ms = tokens * msPerToken(at);
    policy.observe({ tokens, threads, ms });
    chunks.push({ tokens, ms });
    at += tokens;
  }
  return chunks;
}

describe('createChunkPolicy', () => {
  it('starts with a tile of 64 tokens and at most doubles until a chunk takes what it may', () => {
    const chunks = evaluatePrompt(createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 }), 4_000, () => 1);
    expect(chunks.slice(0, 4).map(({ tokens }) => tokens)).toEqual([64, 128, 192, 192]);
  });

  it.each([0.2, 0.5, 1, 2, 3.5, 5, 7.8])('holds the bound at %f ms per token, once it is known', (msPerToken) => {
    const chunks = evaluatePrompt(createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 }), 4_000, () => msPerToken);
    for (const [index, { tokens, ms }] of chunks.slice(0, -1).entries()) {
      expect(tokens % 32).toBe(0);
      // The first chunk is how it becomes known.
      if (index === 0) continue;
      expect(ms).toBeLessThanOrEqual(250);
    }
  });

  it('holds the bound while attention to a longer context makes tokens dearer', () => {
    const chunks = evaluatePrompt(
      createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 }),
      8_000,
      (at) => 1 + at / 4_000,
    );
    expect(Math.max(...chunks.map(({ ms }) => ms))).toBeLessThanOrEqual(250);
  });

  it.each([8, 10, 15, 25])('holds the bound at %f ms per token with less than 32, once it is known', (msPerToken) => {
    const policy = createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 });
    const [, ...chunks] = evaluatePrompt(policy, 600, () => msPerToken);
    for (const { ms } of chunks) expect(ms).toBeLessThanOrEqual(250);
    // Quick again: small chunks were heard too, and say so.
    const later = evaluatePrompt(policy, 4_000, () => 0.5);
    expect(later[8]?.tokens).toBeGreaterThanOrEqual(320);
  });

  it('goes down to 8 tokens and no further, also where each batch has a price of its own', () => {
    const policy = createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 });
    const sizes: number[] = [];
    for (let chunk = 0; chunk < 40; chunk += 1) {
      const tokens = policy.next(usual);
      policy.observe({ tokens, threads: 2, ms: 120 + 6 * tokens });
      sizes.push(tokens);
    }
    expect(120 + 6 * (sizes.at(-1) ?? 0)).toBeLessThanOrEqual(250);
    expect(sizes.at(-1)).toBeGreaterThanOrEqual(12);
    const slow = evaluatePrompt(createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 }), 300, () => 90);
    expect(new Set(slow.slice(1, -1).map(({ tokens }) => tokens))).toEqual(new Set([8]));
  });

  it('never goes beyond the batch of the model process or the rest of the prompt', () => {
    const policy = createChunkPolicy({ chunkMsMax: 250, batchTokens: 256 });
    const chunks = evaluatePrompt(policy, 1_000, () => 0.01);
    expect(Math.max(...chunks.map(({ tokens }) => tokens))).toBe(256);
    expect(policy.next({ ...usual, remainingTokens: 7 })).toBe(7);
  });

  it('takes a tile where it just fits, and goes back to it when the machine is quick again', () => {
    // A batch below the tile costs more for each token: what is seen in llama.cpp on processors.
    const costs =
      (slow: number) =>
      (tokens: number): number =>
        slow * tokens * (tokens < 64 ? 7.6 : 6.4);
    const policy = createChunkPolicy({ chunkMsMax: 480, batchTokens: 512 });
    const sizes = (cost: (tokens: number) => number): number[] =>
      Array.from({ length: 6 }, () => {
        const tokens = policy.next({ ...usual, threads: 1 });
        policy.observe({ tokens, threads: 1, ms: cost(tokens) });
        return tokens;
      });
    expect(sizes(costs(1))).toEqual([64, 64, 64, 64, 64, 64]);
    expect(sizes(costs(1.3)), 'a tile would take 530 ms').toEqual([64, 32, 32, 32, 32, 32]);
    expect(sizes(costs(1)).slice(3)).toEqual([64, 64, 64]);
  });

  it('reacts to a slow chunk with the very next one', () => {
    const policy = createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 });
    evaluatePrompt(policy, 4_000, () => 0.5);
    expect(policy.next(usual)).toBeGreaterThanOrEqual(384);
    policy.observe({ tokens: 416, threads: 2, ms: 416 * 5 });
    expect(policy.next(usual)).toBeLessThanOrEqual(32);
  });

  it('comes back within six chunks when the machine is quick again', () => {
    const policy = createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 });
    policy.observe({ tokens: 512, threads: 2, ms: 2_560 });
    const chunks = evaluatePrompt(policy, 4_000, () => 0.5);
    expect(chunks[6]?.tokens).toBeGreaterThanOrEqual(320);
  });

  it('takes smaller chunks while other sequences wait for their next token', () => {
    const policy = createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 });
    evaluatePrompt(policy, 4_000, () => 0.5);
    const chunks = evaluatePrompt(policy, 4_000, () => 0.5, { othersDecoding: true });
    const fresh = createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 });
    expect(fresh.next({ ...usual, othersDecoding: true })).toBe(32);
    expect(Math.max(...chunks.map(({ ms }) => ms))).toBeLessThanOrEqual(100);
  });

  it('remembers the speed from one prompt to the next, whatever the short last chunk was', () => {
    const policy = createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 });
    evaluatePrompt(policy, 4_007, () => 0.5);
    policy.observe({ tokens: 17, threads: 2, ms: 12 });
    expect(policy.next(usual)).toBeGreaterThanOrEqual(320);
  });

  it('expects fewer threads to be slower in proportion before it has seen them', () => {
    const policy = createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 });
    evaluatePrompt(policy, 4_000, () => 1, { threads: 4 });
    const four = policy.next({ ...usual, threads: 4 });
    expect(policy.next({ ...usual, threads: 1 })).toBeLessThanOrEqual(four / 2);
    expect(policy.next({ ...usual, threads: 8 })).toBe(four);
  });

  it('keeps to multiples of 64 of the sequence when the text is to be reproducible, whatever it measured', () => {
    for (const msPerToken of [0.01, 1, 50]) {
      const policy = createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 });
      const chunks = evaluatePrompt(policy, 200, () => msPerToken, { reproducible: true });
      expect(chunks.map(({ tokens }) => tokens)).toEqual([64, 64, 64, 8]);
    }
    const policy = createChunkPolicy({ chunkMsMax: 250, batchTokens: 512 });
    expect(policy.next({ ...usual, at: 100, reproducible: true })).toBe(28);
  });
});
