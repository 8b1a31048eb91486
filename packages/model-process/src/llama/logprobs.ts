import type { WorkerLogprob } from '@gemma-cli/contracts/worker-protocol';
import type { AddonContext, AddonModel, AddonSampler, LlamaAddon } from './addon-types.ts';
import type { TokenBytes } from './token-bytes.ts';

/** Tells natural log-probabilities over the distribution as the model gave it, before any sampling option. */
export interface LogprobReader {
  /** Of `token`, then of the `top` likeliest tokens, at an output of the batch that was computed last. */
  read(output: number, token: number, top: number): Promise<[WorkerLogprob, ...WorkerLogprob[]]>;
}

/**
 * Makes a reader with samplers of its own. The sampler of an answer tells only what its options left over; a greedy one
 * without options sums up the whole vocabulary, and one that keeps the k likeliest finds them without sorting it.
 */
export function createLogprobReader(
  addon: LlamaAddon,
  model: AddonModel,
  context: AddonContext,
  tokenBytes: TokenBytes,
): LogprobReader {
  let whole: AddonSampler | undefined;
  const likeliest = new Map<number, AddonSampler>();

  function wholeSampler(): AddonSampler {
    if (whole === undefined) {
      whole = new addon.AddonSampler(model);
      whole.applyConfig({ temperature: 0 });
    }
    return whole;
  }

  function topSampler(top: number): AddonSampler {
    let sampler = likeliest.get(top);
    if (sampler === undefined) {
      sampler = new addon.AddonSampler(model);
      sampler.applyConfig({ temperature: 1, topK: top, seed: 0 });
      likeliest.clear();
      likeliest.set(top, sampler);
    }
    return sampler;
  }

  return {
    async read(output, token, top) {
      const [best, , , logits = [], weight = 0] = await context.sampleToken(
        output,
        wholeSampler(),
        false,
        false,
        [[token], false, false, true, 0],
        true,
      );
      const logitOf = pairs(logits);
      const max = logitOf.get(best) ?? 0;
      const normaliser = max + Math.log(weight);
      const entry = (id: number, logit: number): WorkerLogprob => ({
        bytes: tokenBytes(id).toString('base64'),
        // Rounding must not make a probability greater than 1.
        logprob: Math.min(0, logit - normaliser),
      });
      const taken = entry(token, logitOf.get(token) ?? Number.NEGATIVE_INFINITY);
      if (top === 0) return [taken];

      const [, , , topLogits = []] = await context.sampleToken(
        output,
        topSampler(top),
        false,
        false,
        [[], false, false, false, top],
        false,
      );
      return [taken, ...[...pairs(topLogits)].map(([id, logit]) => entry(id, logit))];
    },
  };
}

/** The addon lists token, logit, token, logit. */
function pairs(flat: readonly number[]): Map<number, number> {
  const map = new Map<number, number>();
  for (let index = 0; index + 1 < flat.length; index += 2) map.set(flat[index] as number, flat[index + 1] as number);
  return map;
}
