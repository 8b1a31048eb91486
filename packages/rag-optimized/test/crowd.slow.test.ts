import { create as createLegacy } from '@gemma-cli/rag';
import { memoryCrowd } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

memoryCrowd({
  name: 'memories of both kinds on one folder',
  modules: [new URL('../dist/index.js', import.meta.url), new URL('../../rag/dist/index.js', import.meta.url)],
  creates: [create, createLegacy],
});
