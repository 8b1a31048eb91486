import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { mutants } from './mutants/mutated-engine.ts';

/** For each defect, a promise that it breaks. */
const broken: Readonly<Record<string, string>> = {
  'drops a delta': 'yields the text that the model says',
  'ends twice': 'begins a cold answer with load-start and load-end',
  'counts a token too much': 'counts the prompt as cached and evaluated tokens',
  'starts before it is read': 'does nothing before the first next',
  'cuts characters': 'shows whole characters when every 7 bytes are a piece, as text',
  'does not hear an abort': 'that came before the request starts nothing',
  'answers on an old prefix': 'answers as if every turn were the first',
  'forgets stop strings': 'are found across pieces',
  'hides a crash': 'of a process that is decoding .exit. is a typed error',
  'leaves processes behind': 'is safe to call twice',
};

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
  it('passes the chosen cases on the engine as it is', async () => {
    const { passed, failed } = await runSuite('none', Object.values(broken).join('|'));
    expect(failed).toEqual([]);
    expect(passed.length).toBeGreaterThanOrEqual(Object.keys(broken).length);
  });

  it('has a case for every mutant', () => {
    expect(Object.keys(broken).toSorted()).toEqual(
      Object.keys(mutants)
        .filter((name) => name !== 'none')
        .toSorted(),
    );
  });

  for (const [mutant, title] of Object.entries(broken))
    it(`turns red for an engine that ${mutant}`, async () => {
      const { passed, failed } = await runSuite(mutant, title);
      expect(passed).toEqual([]);
      expect(failed.length).toBeGreaterThan(0);
    });
});
