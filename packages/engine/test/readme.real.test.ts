import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { itUnless, realModel, runReadmeProgram } from '@gemma-cli/testkit';
import { expect, test } from 'vitest';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const embeddingModel = fileURLToPath(
  new URL('../../../../shared/data/models/all-minilm-l6-v2-q8_0.gguf', import.meta.url),
);

test('the program of the README answers with a real model', async () => {
  const path = realModel('gemma3:270m-base', { env: process.env, home: homedir() });
  const { program, stdout, stderr } = await runReadmeProgram({
    packageFolder,
    replace: { '/models/gemma-3-270m.gguf': path },
  });
  expect(program.trim().split('\n').length).toBeLessThanOrEqual(12);
  expect(stdout).toContain('Italy');
  expect(stderr).toMatch(/^(length|stop) /);
  expect(stderr).toContain('evaluatedTokens');
});

// The file lies beside the checkout of this project and cannot be fetched from a registry.
itUnless(
  existsSync(embeddingModel) ? undefined : `${embeddingModel} is not there`,
  'the program of the README finds the passage that answers',
  async () => {
    const { stdout } = await runReadmeProgram({
      packageFolder,
      place: 1,
      replace: { '/models/all-minilm-l6-v2-q8_0.gguf': embeddingModel },
    });
    const [keeper, bread] = stdout.trim().split('\n').map(Number.parseFloat);
    expect(keeper).toBeGreaterThan((bread ?? Number.NaN) + 0.2);
  },
);
