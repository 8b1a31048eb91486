import { expect, test } from 'vitest';
import { packages } from './workspace.ts';

/** What can be imported of each package. A key that goes is a breaking change; one that comes is a promise. */
const pinned: Readonly<Record<string, readonly string[]>> = {
  app: ['.', './memory'],
  bench: ['.'],
  'bench-kit': ['.'],
  cli: ['.', './runtime'],
  config: ['.'],
  contracts: ['.', './worker-protocol'],
  engine: ['.'],
  'engine-optimized': ['.'],
  ingest: ['.'],
  'model-process': ['.'],
  models: ['.'],
  rag: ['.'],
  'rag-core': ['.'],
  'rag-optimized': ['.'],
  record: ['.'],
  testkit: ['.', './scripted-worker', './stand-in-gemma', './replay-gemma', './memory-child', './memory-crash-child'],
};

test('every package exports the pinned keys and its manifest, and nothing else', () => {
  const found = Object.fromEntries(packages.map(({ name, manifest }) => [name, Object.keys(manifest.exports ?? {})]));
  const wanted = Object.fromEntries(Object.entries(pinned).map(([name, keys]) => [name, [...keys, './package.json']]));
  expect(found).toEqual(wanted);
});

test('every entry has types and code, types first, and no condition beside them', () => {
  for (const { manifest } of packages) {
    for (const target of Object.values(manifest.exports ?? {})) {
      if (typeof target !== 'string') expect(Object.keys(target)).toEqual(['types', 'default']);
    }
  }
});

test('the command is gemma, the benchmark gemma-bench, and no other package brings a program', () => {
  const programs = packages.flatMap(({ manifest }) => Object.entries(manifest.bin ?? {}));
  expect(programs).toEqual([
    ['gemma-bench', './dist/bin.js'],
    ['gemma', './dist/bin.js'],
  ]);
});
