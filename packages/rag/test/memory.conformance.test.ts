import { memoryConformance } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

memoryConformance({
  name: 'the legacy memory',
  implementation: 'legacy',
  create,
  module: new URL('../dist/index.js', import.meta.url),
  other: 'this package knows no other memory; the one with the index is held against it in its own tests',
});
