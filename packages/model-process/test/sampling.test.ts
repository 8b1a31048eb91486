import type { ResolvedSampling } from '@gemma-cli/contracts/worker-protocol';
import { describe, expect, it } from 'vitest';
import { samplingOff } from '@gemma-cli/testkit';
import { samplerConfig } from '../src/llama/sampling.ts';

/** What every configuration holds. */
const always = { temperature: 1, seed: 7 };

const penalties = {
  repeatPenaltyTokens: new Uint32Array(0),
  repeatPenaltyMaxTokens: 64,
  repeatPenalty: 1,
  repeatPenaltyFrequencyPenalty: 0,
  repeatPenaltyPresencePenalty: 0,
};

const dry = {
  dryRepeatPenaltyStrength: 0.8,
  dryRepeatPenaltyBase: 1.75,
  dryRepeatPenaltyAllowedLength: 2,
  dryRepeatPenaltyLastTokens: 4_096,
  dryRepeatPenaltySequenceBreakers: ['\n', ':', '"', '*'],
};

describe('samplerConfig', () => {
  it.each<readonly [title: string, sampling: Partial<ResolvedSampling>, config: Record<string, unknown>]>([
    ['nothing', {}, {}],
    ['temperature', { temperature: 0.3 }, { temperature: 0.3 }],
    ['seed', { seed: 9 }, { seed: 9 }],
    ['topK', { topK: 5 }, { topK: 5 }],
    ['topP', { topP: 0.5 }, { topP: 0.5 }],
    ['minP', { minP: 0.2 }, { minP: 0.2 }],
    ['a greedy request with candidates', { temperature: 0, topK: 5, topP: 0.5, minP: 0.2 }, { temperature: 0 }],
    ['repeatPenalty', { repeatPenalty: 1.3 }, { ...penalties, repeatPenalty: 1.3 }],
    [
      'frequencyPenalty',
      { frequencyPenalty: 0.4, repeatLastTokens: 12 },
      { ...penalties, repeatPenaltyFrequencyPenalty: 0.4, repeatPenaltyMaxTokens: 12 },
    ],
    ['presencePenalty', { presencePenalty: -0.6 }, { ...penalties, repeatPenaltyPresencePenalty: -0.6 }],
    ['penalties over no tokens', { repeatPenalty: 1.3, presencePenalty: 1, repeatLastTokens: 0 }, {}],
    ['dryMultiplier', { dryMultiplier: 0.8 }, dry],
    ['dryBase', { dryMultiplier: 0.8, dryBase: 3 }, { ...dry, dryRepeatPenaltyBase: 3 }],
    ['dryAllowedLength', { dryMultiplier: 0.8, dryAllowedLength: 9 }, { ...dry, dryRepeatPenaltyAllowedLength: 9 }],
    ['the rest of DRY without dryMultiplier', { dryBase: 3, dryAllowedLength: 9 }, {}],
    ['xtcProbability', { xtcProbability: 0.5 }, { xtcProbability: 0.5, xtcThreshold: 0.1 }],
    ['xtcThreshold', { xtcProbability: 0.5, xtcThreshold: 0.3 }, { xtcProbability: 0.5, xtcThreshold: 0.3 }],
    ['xtcThreshold without xtcProbability', { xtcThreshold: 0.3 }, {}],
    [
      'logitBias',
      { logitBias: { 5: -100, 262_143: 2.5 } },
      { tokenBiasKeys: Uint32Array.of(5, 262_143), tokenBiasValues: Float32Array.of(-100, 2.5) },
    ],
  ])('sets up %s, and nothing else', (_, sampling, config) => {
    expect(samplerConfig({ ...samplingOff, ...sampling }, { grammar: null, contextTokens: 4_096 })).toEqual({
      ...always,
      ...config,
    });
  });
});
