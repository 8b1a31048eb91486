import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import type { ModelFile, Reranker } from '@gemma-cli/contracts';
import { invalidOption } from '../errors.ts';
import { checkTexts } from './check-texts.ts';
import { vectorCalls } from './vector-calls.ts';
import { modelName } from './vector-host.ts';
import type { VectorHost } from './vector-host.ts';
import { wrongModel } from './wrong-model.ts';

/** Raised when the same model, question and passage give another score than before. */
const rankVersion = 1;

/** Passages of one call to the model process: bounds how long an abort waits. */
const batchPassagesMax = 8;

/**
 * Makes a reranker of a host. The model is loaded once to learn what it is, so that a wrong one is refused here.
 *
 * @throws GemmaError `OPTION_UNSUPPORTED` when the model is no ranking model; what loading can throw.
 */
export async function rerankerOnHost(host: VectorHost, file: ModelFile): Promise<Reranker> {
  const calls = vectorCalls(host, 'reranker');
  let rankId: string;
  try {
    rankId = await calls.run(undefined, async ({ model, fingerprint }) => {
      if (!model.capabilities.ranking)
        throw wrongModel('rank', { name: modelName(file), architecture: model.architecture });
      return `rank-${rankVersion}:${model.architecture}:${fingerprint}`;
    });
  } catch (error) {
    await calls.close();
    throw error;
  }

  return {
    rankId,
    async rank(query, passages, { truncate = false, signal } = {}) {
      if (!Array.isArray(passages)) throw invalidOption('passages', 'an array of texts', passages);
      checkTexts([query], 'query');
      checkTexts(passages, 'passage');
      if (passages.length === 0) return [];
      return calls.run(signal, async ({ process }, stop) => {
        const scores: number[] = [];
        while (scores.length < passages.length) {
          const batch = passages.slice(scores.length, scores.length + batchPassagesMax);
          const raw = await process
            .call('rank', { query, passages: batch, truncate }, { signal: stop })
            .catch((error: unknown) => {
              throw movedIndex(error, scores.length);
            });
          if (raw.scores.length !== batch.length) {
            throw new GemmaError({
              code: 'ENGINE_PROTOCOL',
              message: `Expected ${batch.length} scores of the model process, and got ${raw.scores.length}.`,
            });
          }
          for (const score of raw.scores) scores.push(probability(score, scores.length));
        }
        return scores;
      });
    },
    close: () => calls.close(),
    [Symbol.asyncDispose]: () => calls.close(),
  };
}

/** A ranking model gives the logit of "this answers it". */
function probability(logit: unknown, index: number): number {
  if (typeof logit !== 'number' || !Number.isFinite(logit)) {
    throw new GemmaError({
      code: 'ENGINE_FAILED',
      message: `The score that the runtime gave for passage ${index} is no finite number. The model file may be damaged: \`gemma doctor\` checks it.`,
      facts: { index },
    });
  }
  return 1 / (1 + Math.exp(-logit));
}

/** The model process counts the passages of its call; the caller counts all of them. */
function movedIndex(error: unknown, by: number): unknown {
  if (!isGemmaError(error) || typeof error.facts['index'] !== 'number') return error;
  const index = error.facts['index'] + by;
  return new GemmaError({
    code: error.code,
    message: `Passage ${index}: ${error.message}`,
    facts: { ...error.facts, index },
    cause: error,
  });
}
