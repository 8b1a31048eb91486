import { GemmaError } from '@gemma-cli/contracts';
import type { ResolvedSampling } from '@gemma-cli/contracts/worker-protocol';
import type { AddonGrammarState, AddonModel, AddonSampler, AddonSamplerConfig, LlamaAddon } from './addon-types.ts';

/** Where a repetition may begin anew without a penalty: the choice of DRY's author. */
const dryBreakers = ['\n', ':', '"', '*'] as const;

/** How the sampler of llama.cpp is set up for resolved options. What is off is left out: each stage costs time. */
export function samplerConfig(
  sampling: ResolvedSampling,
  { grammar, contextTokens }: { readonly grammar: AddonGrammarState | null; readonly contextTokens: number },
): AddonSamplerConfig {
  const isGreedy = sampling.temperature === 0;
  const hasPenalty = sampling.repeatPenalty !== 1 || sampling.frequencyPenalty !== 0 || sampling.presencePenalty !== 0;
  const biases = Object.entries(sampling.logitBias);
  return {
    temperature: sampling.temperature,
    seed: sampling.seed,
    ...(!isGreedy && sampling.topK > 0 ? { topK: sampling.topK } : {}),
    ...(!isGreedy && sampling.topP < 1 ? { topP: sampling.topP } : {}),
    ...(!isGreedy && sampling.minP > 0 ? { minP: sampling.minP } : {}),
    ...(sampling.xtcProbability > 0
      ? { xtcProbability: sampling.xtcProbability, xtcThreshold: sampling.xtcThreshold }
      : {}),
    ...(hasPenalty && sampling.repeatLastTokens > 0
      ? {
          // The window begins empty: it looks back on the answer. The sampler adds each token that it draws.
          repeatPenaltyTokens: new Uint32Array(0),
          repeatPenaltyMaxTokens: sampling.repeatLastTokens,
          repeatPenalty: sampling.repeatPenalty,
          repeatPenaltyFrequencyPenalty: sampling.frequencyPenalty,
          repeatPenaltyPresencePenalty: sampling.presencePenalty,
        }
      : {}),
    ...(sampling.dryMultiplier > 0
      ? {
          dryRepeatPenaltyStrength: sampling.dryMultiplier,
          dryRepeatPenaltyBase: sampling.dryBase,
          dryRepeatPenaltyAllowedLength: sampling.dryAllowedLength,
          dryRepeatPenaltyLastTokens: contextTokens,
          dryRepeatPenaltySequenceBreakers: dryBreakers,
        }
      : {}),
    ...(biases.length > 0
      ? {
          tokenBiasKeys: Uint32Array.from(biases, ([token]) => Number(token)),
          tokenBiasValues: Float32Array.from(biases, ([, bias]) => bias),
        }
      : {}),
    ...(grammar === null ? {} : { grammarEvaluationState: grammar }),
  };
}

/** Hands out samplers. */
export interface SamplerPool {
  /** A sampler as good as new. */
  take(config: AddonSamplerConfig): AddonSampler;
  give(sampler: AddonSampler): void;
}

/** Keeps samplers for the next answer: each holds 12 bytes per vocabulary entry, which nobody else would free in time. */
export function createSamplerPool(addon: LlamaAddon, model: AddonModel): SamplerPool {
  const free: AddonSampler[] = [];
  return {
    take(config) {
      const sampler = free.pop() ?? new addon.AddonSampler(model);
      // Options that are left out are taken away, and another seed throws the random state away.
      sampler.applyConfig({ seed: ((config.seed ?? 0) ^ 1) >>> 0 });
      sampler.applyConfig(config);
      return sampler;
    },
    give(sampler) {
      free.push(sampler);
    },
  };
}

/**
 * The state of a grammar at its beginning.
 *
 * @throws GemmaError `GRAMMAR_INVALID` with the parser's own words.
 */
export async function startGrammar(
  addon: LlamaAddon,
  model: AddonModel,
  gbnf: string,
  lastError: () => Promise<string | undefined>,
): Promise<AddonGrammarState> {
  try {
    const grammar = new addon.AddonGrammar(gbnf, { addonExports: addon, rootRuleName: 'root' });
    return new addon.AddonGrammarEvaluationState(model, grammar);
  } catch (cause) {
    const reason = await lastError();
    throw new GemmaError({
      code: 'GRAMMAR_INVALID',
      message: `Expected a grammar in GBNF whose start rule is 'root'. ${(cause as Error).message}${reason === undefined ? '' : `: ${reason}`}.`,
      facts: { reason: reason ?? null },
      cause,
    });
  }
}
