import { memoryCrowd } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

memoryCrowd({
  name: 'legacy memories on one folder',
  modules: [new URL('../dist/index.js', import.meta.url)],
  creates: [create],
});
