import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Embedder, EmbedderOptions } from '@gemma-cli/contracts';
import { describeUnless } from './declare-unless.ts';
import { embeddingReferences, rankingReferences } from './embedding-references.ts';
import type { EmbedderSubject } from './embedder-trial.ts';
import { writeRankingModel } from './ranking-model.ts';
import { withTemporaryFolder } from './temporary-folder.ts';

/** What the real cases run on. */
export interface RealEmbedderSubject extends EmbedderSubject {
  /** The all-MiniLM-L6-v2 as GGUF. A file that is not there skips the cases with that reason. */
  readonly embeddingModel: string;
  /** A generating model, to be refused. */
  readonly chatModel: string;
}

/** How far a cosine of the 8-bit weights may lie from that of the original ones. */
const cosineDifferenceMax = 0.02;

/** How far a score between 0 and 1 may lie from it: a sum over all of a vector gathers more of the rounding. */
const probabilityDifferenceMax = 0.08;

/** Declares what only a real model shows. For `*.real.test.ts`. */
export function embedderRealConformance({
  name,
  createEmbedder,
  createReranker,
  embeddingModel,
  chatModel,
}: RealEmbedderSubject): void {
  const options: EmbedderOptions = { model: { path: embeddingModel }, threads: 1 };
  const withEmbedder = async (body: (embedder: Embedder) => Promise<void>): Promise<void> => {
    const embedder = await createEmbedder(options);
    try {
      await body(embedder);
    } finally {
      await embedder.close();
    }
  };

  describe(`${name}, real`, () => {
    // Shared beside the checkout of this project: no registry has it.
    const missing = existsSync(embeddingModel) ? undefined : `there is no ${embeddingModel}`;
    describeUnless(missing, 'all-MiniLM-L6-v2', () => {
      it('finds texts as alike as the original weights do', () =>
        withEmbedder(async (embedder) => {
          expect(embedder.dimensions).toBe(384);
          const { texts, cosines } = embeddingReferences;
          const vectors = await embedder.embed(texts);
          for (const [row, own] of vectors.entries()) {
            for (const [column, other] of vectors.entries()) {
              const reference = cosines[row]?.[column] ?? Number.NaN;
              const difference = Math.abs(cosine(own, other) - reference);
              expect(difference, `"${texts[row]}" and "${texts[column]}"`).toBeLessThan(cosineDifferenceMax);
            }
          }
        }));

      it('gives a text the same vector alone and among others', () =>
        withEmbedder(async (embedder) => {
          const { texts } = embeddingReferences;
          const [together, alone] = [await embedder.embed(texts), await embedder.embed(texts.slice(2, 3))];
          expect(cosine(together[2] ?? new Float32Array(), alone[0] ?? new Float32Array())).toBeGreaterThan(0.9999);
        }));

      it('refuses a text beyond 512 tokens with its counts, and embeds its beginning when asked', () =>
        withEmbedder(async (embedder) => {
          const long = 'a lighthouse keeper writes down the wind '.repeat(100);
          await expect(embedder.embed(['short', long])).rejects.toMatchObject({
            code: 'CONTEXT_EXCEEDED',
            facts: { index: 1, contextTokens: 512 },
          });
          const [cut, beginning] = await embedder.embed([long, long.slice(0, 2_000)], { truncate: true });
          expect(cosine(cut ?? new Float32Array(), beginning ?? new Float32Array())).toBeGreaterThan(0.98);
        }));

      it('scores passages as the original weights do, once it has a ranking head', () =>
        withTemporaryFolder(async (folder) => {
          const path = join(folder, 'ranking.gguf');
          await writeRankingModel(embeddingModel, path);
          const { query, passages, scores } = rankingReferences;
          const reranker = await createReranker({ model: { path }, threads: 1 });
          try {
            const probabilities = await reranker.rank(query, passages);
            for (const [place, probability] of probabilities.entries()) {
              const difference = Math.abs(probability - 1 / (1 + Math.exp(-(scores[place] ?? Number.NaN))));
              expect(difference, passages[place]).toBeLessThan(probabilityDifferenceMax);
            }
            const long = 'the keeper wrote down the wind '.repeat(200);
            await expect(reranker.rank(query, ['short', long])).rejects.toMatchObject({
              code: 'CONTEXT_EXCEEDED',
              facts: { contextTokens: 512, index: 1 },
            });
            expect(await reranker.rank(query, ['short', long], { truncate: true })).toHaveLength(2);
          } finally {
            await reranker.close();
          }
        }));

      it('refuses it as a reranker: it has no ranking head', async () => {
        await expect(createReranker({ model: { path: embeddingModel }, threads: 1 })).rejects.toMatchObject({
          code: 'OPTION_UNSUPPORTED',
        });
      });
    });

    it('refuses a model that generates text as an embedder and as a reranker', async () => {
      const model = { path: chatModel };
      await expect(createEmbedder({ model, threads: 1 })).rejects.toMatchObject({ code: 'OPTION_UNSUPPORTED' });
      await expect(createReranker({ model, threads: 1 })).rejects.toMatchObject({ code: 'OPTION_UNSUPPORTED' });
    });
  });
}

function cosine(left: Float32Array, right: Float32Array): number {
  return left.reduce((sum, value, place) => sum + value * (right[place] ?? Number.NaN), 0);
}
