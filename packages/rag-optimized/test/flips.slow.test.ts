import { memoryFlips } from '@gemma-cli/testkit';
import { seed } from './seed.ts';

memoryFlips({
  name: 'a memory on whose disk a bit flips',
  module: new URL('small-tail-memory.mjs', import.meta.url),
  flips: Number(process.env['GEMMA_TEST_FLIPS'] ?? 50),
  seed,
});
