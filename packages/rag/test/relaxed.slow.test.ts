import { memoryRelaxed } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

memoryRelaxed({
  name: 'the legacy memory, relaxed',
  module: new URL('../dist/index.js', import.meta.url),
  creates: [create],
  runs: Number(process.env['GEMMA_TEST_RUNS'] ?? 2),
  seed: Number(process.env['GEMMA_TEST_SEED'] ?? 20_261_123),
});
