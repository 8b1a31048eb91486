import { defineConfig } from 'vitest/config';

/** Runs the suite on one mutant, named by `GEMMA_MUTANT`; started by `mutants.slow.test.ts`. */
export default defineConfig({
  test: { root: new URL('.', import.meta.url).pathname, include: ['mutated-conformance.ts'], pool: 'forks' },
});
