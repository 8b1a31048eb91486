import { create as createLegacy } from '@gemma-cli/rag';
import { memoryCrashes } from '@gemma-cli/testkit';
import { join } from 'node:path';
import { readChecked, writeChecked } from '../src/index-files.ts';
import { create } from '../src/index.ts';
import { manifestFile } from '../src/manifest.ts';
import { seed } from './seed.ts';

memoryCrashes({
  name: 'memories whose processes die',
  module: new URL('small-tail-memory.mjs', import.meta.url),
  age: makeIndexOlder,
  creates: [create, createLegacy],
  runs: Number(process.env['GEMMA_TEST_CRASHES'] ?? 48),
  seed,
});

/** The index as the version before wrote it, as far as this one reads it: its manifest tells its format. */
async function makeIndexOlder(folder: string): Promise<void> {
  const place = join(folder, 'index', 'default');
  const kept = readChecked(place, manifestFile, (size) => ({ bytes: new Uint8Array(size), memory: null }));
  if (kept.state !== 'sound') throw new Error(`Expected an index that was kept, got one that is ${kept.state}.`);
  const manifest = JSON.parse(Buffer.from(kept.room.bytes).toString()) as { readonly version: number };
  const older = JSON.stringify({ ...manifest, version: manifest.version - 1 });
  const steps = writeChecked(place, manifestFile, Buffer.from(older));
  while (steps.next().done !== true);
}
