#!/usr/bin/env node
/**
 * Puts the two small real models of the tests into a store outside the checkout, once per machine:
 * `$GEMMA_TEST_MODELS`, else `$XDG_CACHE_HOME/gemma-cli-test/models`, else `~/.cache/gemma-cli-test/models`.
 *
 * Needs `@gemma-cli/models` built. Quick when the models are there: size and record are compared, nothing is hashed.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createModelStore } from '../packages/models/dist/index.js';

const names = ['gemma3:270m-base', 'smollm2:135m'];
const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
const folder = process.env.GEMMA_TEST_MODELS || join(cache, 'gemma-cli-test', 'models');
const say = (line) => process.stderr.write(`fetch-test-models: ${line}\n`);

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());

const store = createModelStore({ folder, env: process.env });
try {
  for (const name of names) {
    let shownAt = 0;
    for await (const event of store.pull(name, { signal: stop.signal })) {
      if (event.type === 'pulled') {
        say(`${name} ${event.alreadyInstalled ? 'is there' : 'installed'}: ${event.model.path}`);
      } else if (event.type === 'progress') {
        if (Date.now() - shownAt < 5_000) continue;
        shownAt = Date.now();
        say(`${name} ${Math.round(event.receivedBytes / 1e6)} MB`);
      } else if (event.type === 'licence') {
        say(`${name} comes under ${event.name} (${event.url})`);
      } else if (event.type === 'source-failed') {
        say(`${name} not from ${event.source}: ${event.reason}`);
      } else {
        say(`${name} ${event.type} ${event.source ?? event.reason ?? ''}`.trim());
      }
    }
  }
} catch (error) {
  say(error.code === undefined ? String(error.stack) : `${error.code}: ${error.message}`);
  process.exitCode = 1;
}
