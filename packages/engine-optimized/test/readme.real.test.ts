import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { realModel, runReadmeProgram } from '@gemma-cli/testkit';
import { expect, test } from 'vitest';

test('the program of the README chats with a real model, and the second question is taken from the cache', async () => {
  const { program, stdout, stderr } = await runReadmeProgram({
    packageFolder: fileURLToPath(new URL('..', import.meta.url)),
    replace: {
      '/models/gemma-3-270m-it.gguf': realModel('smollm2:135m', { env: process.env, home: homedir() }),
    },
  });
  expect(program.trim().split('\n').length).toBeLessThanOrEqual(15);
  expect(stdout.trim()).not.toBe('');
  const cached = [...stderr.matchAll(/^(\d+) tokens from the cache$/gm)].map(([, count]) => Number(count));
  expect(cached).toHaveLength(2);
  expect(cached[1]).toBeGreaterThan(cached[0] ?? Number.NaN);
  expect(cached[1]).toBeGreaterThan(10);
});
