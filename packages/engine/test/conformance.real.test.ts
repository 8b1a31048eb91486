import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { engineRealConformance, realModel } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

const place = { env: process.env, home: homedir() };

engineRealConformance({
  name: 'engine (legacy)',
  createEngine: create,
  models: { base: realModel('gemma3:270m-base', place), chat: realModel('smollm2:135m', place) },
  // That package depends on the native runtime, so its folder holds one.
  runtimeFolder: fileURLToPath(new URL('../../model-process', import.meta.url)),
});
