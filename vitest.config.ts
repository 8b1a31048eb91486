import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const root = new URL('.', import.meta.url).pathname;
const packages = readdirSync(`${root}packages`).toSorted();

/**
 * Three kinds of test file, told by their ending:
 * `*.test.ts` fast, no model, no network; `*.slow.test.ts` packs, installs, kills; `*.real.test.ts` runs a real model.
 */
const kinds = [
  { kind: 'fast', include: 'test/**/*.test.ts', exclude: 'test/**/*.{slow,real}.test.ts', testMsMax: 20_000 },
  { kind: 'slow', include: 'test/**/*.slow.test.ts', exclude: '', testMsMax: 300_000 },
  { kind: 'real', include: 'test/**/*.real.test.ts', exclude: '', testMsMax: 180_000 },
];

const places = [...packages.map((name) => ({ name, folder: `packages/${name}` })), { name: 'workspace', folder: '.' }];

export default defineConfig({
  test: {
    projects: places.flatMap(({ name, folder }) =>
      kinds.map(({ kind, include, exclude, testMsMax }) => ({
        test: {
          name: `${kind}:${name}`,
          root: `${root}${folder}`,
          include: [include],
          exclude: ['**/node_modules/**', ...(exclude === '' ? [] : [exclude])],
          testTimeout: testMsMax,
          hookTimeout: testMsMax,
          pool: 'forks' as const,
        },
      })),
    ),
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      reportsDirectory: '.test-results/coverage',
      reporter: ['text-summary', 'json-summary'],
    },
  },
});
