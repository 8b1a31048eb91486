import { create as createLegacy } from '@gemma-cli/rag';
import { memoryRelaxed } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';
import { seed } from './seed.ts';

memoryRelaxed({
  name: 'the optimized memory, relaxed',
  module: new URL('../dist/index.js', import.meta.url),
  creates: [create, createLegacy],
  runs: Number(process.env['GEMMA_TEST_RUNS'] ?? 2),
  seed,
});
