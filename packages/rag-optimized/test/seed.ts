/** Of all generated tests; each failure names it. `GEMMA_TEST_SEED` repeats or changes it. */
export const seed = Number(process.env['GEMMA_TEST_SEED'] ?? 20_261_123);
