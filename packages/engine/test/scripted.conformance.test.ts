import { engineConformance } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

const onePrompt = 'legacy starts one process per prompt';
const steady = 'legacy computes in one steady way';

engineConformance({
  name: 'engine (legacy)',
  createEngine: create,
  supports: {
    warmProcess: onePrompt,
    prefixCache: 'legacy keeps nothing between prompts',
    slots: onePrompt,
    adaptiveChunks: steady,
    adaptiveThreads: steady,
    stateCache: 'legacy keeps nothing between prompts',
  },
});
