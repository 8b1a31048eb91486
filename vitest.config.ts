import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));
const packages = readdirSync(join(root, 'packages'))
  .filter((name) => existsSync(join(root, 'packages', name, 'package.json')))
  .toSorted();

/**
 * Four kinds of test file, told by their ending:
 * `*.test.ts` fast, no model, no network but loopback; `*.conformance.test.ts` holds an implementation to its contract,
 * with a scripted model process; `*.slow.test.ts` packs, installs, kills; `*.real.test.ts` runs a real model.
 */
const kinds = [
  {
    kind: 'fast',
    include: 'test/**/*.test.ts',
    exclude: ['test/**/*.{conformance,slow,real}.test.ts'],
    testMsMax: 20_000,
  },
  { kind: 'conformance', include: 'test/**/*.conformance.test.ts', exclude: [], testMsMax: 60_000 },
  { kind: 'slow', include: 'test/**/*.slow.test.ts', exclude: [], testMsMax: 300_000 },
  { kind: 'real', include: 'test/**/*.real.test.ts', exclude: [], testMsMax: 180_000 },
];

const places = [
  ...packages.map((name) => ({ name, folder: join(root, 'packages', name) })),
  { name: 'workspace', folder: root },
];

export default defineConfig({
  root,
  test: {
    // The default leaves a core idle, which on a machine with two is half of it.
    maxWorkers: availableParallelism(),
    // Transformed files are kept between runs: reading them anew takes a third of the fast tests' time.
    experimental: { fsModuleCache: true },
    projects: places.flatMap(({ name, folder }) =>
      kinds.map(({ kind, include, exclude, testMsMax }) => ({
        test: {
          name: `${kind}:${name}`,
          root: folder,
          include: [include],
          exclude: ['**/node_modules/**', '**/fixtures/**', ...exclude],
          testTimeout: testMsMax,
          hookTimeout: testMsMax,
          pool: 'forks' as const,
        },
      })),
    ),
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      exclude: [
        // These run only as processes of their own, which the coverage of this process cannot see.
        'packages/*/src/**/bin.ts',
        'packages/*/src/**/*-worker.ts',
        'packages/model-process/src/llama/**',
        'packages/bench/src/children/**',
        // Tests of other packages run its build.
        'packages/testkit/src/**',
      ],
      // Of the fast tests and conformance, a little under what they reach: a floor against falling, no aim.
      thresholds: { lines: 78, statements: 76, functions: 75, branches: 72 },
      reportsDirectory: '.test-results/coverage',
      reporter: ['text-summary', 'json-summary'],
      reportOnFailure: true,
    },
  },
});
