import { engineFaultConformance } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

engineFaultConformance({
  name: 'engine (legacy)',
  createEngine: create,
  supports: { warmProcess: 'legacy starts one process per prompt', slots: 'legacy starts one process per prompt' },
});
