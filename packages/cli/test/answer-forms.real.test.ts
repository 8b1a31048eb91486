import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realModel } from '@gemma-cli/testkit';
import { runNode, type Ended } from './run-node.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
const model = realModel('smollm2:135m', { env: process.env, home: homedir() });

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gemma-forms-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function ask(argv: readonly string[]): Promise<Ended> {
  const env = { GEMMA_HOME: join(folder, 'home'), GEMMA_ENGINE_THREADS: '1' };
  return runNode(bin, ['ask', '-q', '-m', model, '-o', 'temperature=0', ...argv], { env });
}

describe('an answer held to a form, by a model of 135 million weights', () => {
  test.each(['optimized', 'legacy'])('--schema gives JSON that fits, with the %s engine', async (engine) => {
    const { code, stdout } = await ask(['--engine', engine, '--schema', 'name, age int, good bool', 'Invent a dog.']);
    expect(code).toBe(0);
    const value = JSON.parse(stdout) as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['name', 'age', 'good']);
    expect(value).toEqual({
      name: expect.any(String) as string,
      age: expect.any(Number) as number,
      good: expect.any(Boolean) as boolean,
    });
    expect(Number.isInteger(value['age'])).toBe(true);
  });

  test('--schema-multi gives a list, and --json the value', async () => {
    const { stdout } = await ask(['--json', '--schema-multi', 'colour', '-o', 'maxTokens=200', 'Name two colours.']);
    const { value, text } = JSON.parse(stdout) as { value: { items: readonly { colour: string }[] }; text: string };
    expect(value).toEqual(JSON.parse(text));
    for (const item of value.items) expect(Object.keys(item)).toEqual(['colour']);
  });

  test('--grammar gives nothing else, and a wrong one is refused by its place', async () => {
    const file = join(folder, 'yes-or-no.gbnf');
    await writeFile(file, 'root ::= "yes" | "no"\n');
    expect((await ask(['--grammar', file, 'Is water wet?'])).stdout).toMatch(/^(yes|no)\n$/);
    await writeFile(file, 'root ::= (');
    expect(await ask(['--grammar', file, 'Is water wet?'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('GRAMMAR_INVALID') as string,
    });
  });

  test('a JSON answer that the token limit cuts exits 1', async () => {
    const { code, stdout } = await ask(['--schema', 'name, age int', '-o', 'maxTokens=5', 'Invent a dog.']);
    expect(code).toBe(1);
    expect(() => JSON.parse(stdout) as unknown).toThrow(SyntaxError);
  });

  test('--logprobs gives each token of the answer, and the likeliest in its place', async () => {
    const { stdout } = await ask(['--json', '--logprobs', '3', '-o', 'maxTokens=4', 'Say hello.']);
    const { text, logprobs } = JSON.parse(stdout) as {
      text: string;
      logprobs: readonly { text: string; logprob: number; top: readonly { logprob: number }[] }[];
    };
    expect(logprobs.map((token) => token.text).join('')).toBe(text);
    for (const { logprob, top } of logprobs) {
      expect(top).toHaveLength(3);
      // Greedy: the token is the likeliest.
      expect(logprob).toBeCloseTo(top[0]?.logprob ?? 0, 5);
      expect(logprob).toBeLessThanOrEqual(0);
    }
  });
});
