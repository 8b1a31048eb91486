import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Citation, Passage } from '@gemma-cli/app';
import { realModel } from '@gemma-cli/testkit';
import { runNode, type Ended } from './run-node.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gemma-remember-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function chat(lines: readonly string[], argv: readonly string[] = []): Promise<Ended> {
  const model = realModel('smollm2:135m', { env: process.env, home: homedir() });
  const env = { GEMMA_HOME: join(folder, 'home'), GEMMA_ENGINE_THREADS: '1', GEMMA_MEMORY_REMEMBER_CHATS: 'true' };
  const options = ['-o', 'temperature=0', '-o', 'maxTokens=16'];
  return runNode(bin, ['chat', '-m', model, ...options, ...argv], {
    env,
    input: lines.map((line) => `${line}\n`).join(''),
  });
}

test('a real model knows in the next chat what was said in this one, and its answer cites it', async () => {
  const first = await chat(['My cat is called Miso and lives in Bergen.']);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout.trim()).not.toBe('');

  const second = await chat(['What is my cat called?'], ['--json', '--stream']);
  expect(second.code).toBe(0);
  const events = second.stdout
    .trim()
    .split('\n')
    .map(
      (line) => JSON.parse(line) as { type: string; passages?: readonly Passage[]; citations?: readonly Citation[] },
    );
  const { passages = [] } = events.find(({ type }) => type === 'passages') ?? {};
  expect(passages.map(({ text }) => text)).toEqual(['My cat is called Miso and lives in Bergen.']);
  const { citations = [] } = events.find(({ type }) => type === 'citations') ?? {};
  expect(citations[0]).toMatchObject({ id: passages[0]?.id, uri: `memory:${passages[0]?.id}` });
  const answer = events.map((event) => ('text' in event ? String(event.text) : '')).join('');
  expect(answer).toContain('Miso');
});
