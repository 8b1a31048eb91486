import { create as createLegacy } from '@gemma-cli/rag';
import { memoryCrashes } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';
import { seed } from './seed.ts';

memoryCrashes({
  name: 'memories whose processes die',
  module: new URL('small-tail-memory.mjs', import.meta.url),
  creates: [create, createLegacy],
  runs: Number(process.env['GEMMA_TEST_CRASHES'] ?? 48),
  seed,
});
