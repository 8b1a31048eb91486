import { create as createLegacy } from '@gemma-cli/rag';
import { memoryConformance } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

memoryConformance({
  name: 'the optimized memory',
  implementation: 'optimized',
  create,
  module: new URL('../dist/index.js', import.meta.url),
  other: createLegacy,
});
