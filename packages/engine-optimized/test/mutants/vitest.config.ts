import { defineConfig } from 'vitest/config';

/** Runs the suite on mutants, picked by the titles that `mutants.slow.test.ts` asks for, which starts this. */
export default defineConfig({
  test: { root: new URL('.', import.meta.url).pathname, include: ['mutated-conformance.ts'], pool: 'forks' },
});
