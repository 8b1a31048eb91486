import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { buildMutant, builtFolder } from './mutants/mutated-engine.ts';
import { mutants } from './mutants/mutants.ts';

/** Runs the cases of the suite whose titles fit on one mutant, and gives their titles by outcome. */
async function runSuite(mutant: string, titles: string): Promise<Record<'passed' | 'failed', readonly string[]>> {
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const config = fileURLToPath(new URL('mutants/vitest.config.ts', import.meta.url));
  const child = spawn(process.execPath, [vitest, 'run', '--config', config, '-t', titles, '--reporter=json'], {
    env: { ...process.env, GEMMA_MUTANT: mutant },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const { testResults } = JSON.parse(output.slice(output.indexOf('{'))) as {
    testResults: { assertionResults: { title: string; status: string }[] }[];
  };
  const cases = testResults.flatMap(({ assertionResults }) => assertionResults);
  const titlesOf = (status: string): string[] => cases.filter((one) => one.status === status).map(({ title }) => title);
  return { passed: titlesOf('passed'), failed: titlesOf('failed') };
}

describe('the conformance suite', () => {
  afterAll(() => rmSync(dirname(builtFolder('any')), { recursive: true, force: true }));

  it('passes the chosen cases on the engine as it is', async () => {
    const titles = new Set(Object.values(mutants).map(({ breaks }) => breaks));
    const { passed, failed } = await runSuite('none', [...titles].join('|'));
    expect(failed).toEqual([]);
    expect(passed.length).toBeGreaterThanOrEqual(titles.size);
  });

  for (const [name, { breaks }] of Object.entries(mutants))
    it(`turns red for an engine that ${name}`, async () => {
      buildMutant(name);
      const { passed, failed } = await runSuite(name, breaks);
      expect(passed).toEqual([]);
      expect(failed.length).toBeGreaterThan(0);
    });
});
