import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildMutant, builtFolder } from './mutants/mutated-engine.ts';
import { mutants } from './mutants/mutants.ts';

/** One case that was run: on which mutant, and how it ended. */
interface Outcome {
  readonly mutant: string;
  readonly title: string;
  readonly status: string;
}

/** Runs, in one go, the promise that each mutant breaks on that mutant, and all of these on the engine as it is. */
async function runSuite(): Promise<readonly Outcome[]> {
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const config = fileURLToPath(new URL('mutants/vitest.config.ts', import.meta.url));
  const titles = Object.entries(mutants).flatMap(([name, { breaks }]) => [
    `an engine that ${name}:.*${breaks}`,
    `an engine that none:.*${breaks}`,
  ]);
  const child = spawn(
    process.execPath,
    [vitest, 'run', '--config', config, '-t', titles.join('|'), '--reporter=json'],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const { testResults } = JSON.parse(output.slice(output.indexOf('{'))) as {
    testResults: { assertionResults: { ancestorTitles: string[]; title: string; status: string }[] }[];
  };
  return testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'passed' || status === 'failed')
    .map(({ ancestorTitles, title, status }) => {
      const mutant = /an engine that (?<name>[^:]*):/u.exec(ancestorTitles.join(' '))?.groups?.['name'] ?? '';
      return { mutant, title, status };
    });
}

describe('the conformance suite', () => {
  let outcomes: readonly Outcome[] = [];
  beforeAll(async () => {
    for (const name of Object.keys(mutants)) buildMutant(name);
    outcomes = await runSuite();
  });
  afterAll(() => rmSync(dirname(builtFolder('any')), { recursive: true, force: true }));

  it('passes the chosen cases on the engine as it is', () => {
    const asItIs = outcomes.filter(({ mutant }) => mutant === 'none');
    expect(asItIs.filter(({ status }) => status !== 'passed')).toEqual([]);
    expect(asItIs.length).toBeGreaterThanOrEqual(new Set(Object.values(mutants).map(({ breaks }) => breaks)).size);
  });

  it.each(Object.keys(mutants))('turns red for an engine that %s', (name) => {
    const own = outcomes.filter(({ mutant }) => mutant === name);
    expect(own.filter(({ status }) => status === 'passed')).toEqual([]);
    expect(own.length).toBeGreaterThan(0);
  });
});
