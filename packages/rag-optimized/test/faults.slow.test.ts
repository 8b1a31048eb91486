import { create as createLegacy } from '@gemma-cli/rag';
import { memoryFaults } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';
import { seed } from './seed.ts';

memoryFaults({
  name: 'memories whose disk refuses',
  module: new URL('small-tail-memory.mjs', import.meta.url),
  creates: [create, createLegacy],
  seed,
});
