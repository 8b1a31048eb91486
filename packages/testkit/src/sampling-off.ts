import type { ResolvedSampling } from '@gemma-cli/contracts/worker-protocol';

/** How a model process samples when no option does anything but the seed: from the model's own distribution. */
export const samplingOff: ResolvedSampling = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repeatPenalty: 1,
  repeatLastTokens: 64,
  frequencyPenalty: 0,
  presencePenalty: 0,
  dryMultiplier: 0,
  dryBase: 1.75,
  dryAllowedLength: 2,
  xtcProbability: 0,
  xtcThreshold: 0.1,
  logitBias: {},
  seed: 7,
};
