import { create as createLegacy } from '@gemma-cli/rag';
import { memoryDifferential } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

/** `GEMMA_TEST_RUNS=100` is the long form; `GEMMA_TEST_SEED` tells a story again. */
const { GEMMA_TEST_RUNS: runs, GEMMA_TEST_SEED: seed } = process.env;

memoryDifferential({
  name: 'the legacy and the optimized memory',
  legacy: createLegacy,
  optimized: create,
  runs: Number(runs ?? 3),
  ...(seed === undefined ? {} : { seed: Number(seed) }),
});
