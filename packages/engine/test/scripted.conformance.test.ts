import { engineConformance } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

engineConformance({
  name: 'engine (legacy)',
  createEngine: create,
  supports: {
    warmProcess: 'legacy starts one process per prompt',
    prefixCache: 'legacy keeps nothing between prompts',
  },
});
