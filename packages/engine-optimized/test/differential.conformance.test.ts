import { create as createLegacy } from '@gemma-cli/engine';
import { engineDifferential } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

engineDifferential({
  name: 'engine-optimized against engine',
  legacy: createLegacy,
  optimized: create,
  runs: 1,
  stepsMax: 6,
});
