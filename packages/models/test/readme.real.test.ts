import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { realModel, runReadmeProgram } from '@gemma-cli/testkit';
import { expect, test } from 'vitest';

test('the program of the README finds a model that is there, and tells that it does not chat', async () => {
  const path = realModel('gemma3:270m-base', { env: process.env, home: homedir() });
  const { stdout } = await runReadmeProgram({
    packageFolder: fileURLToPath(new URL('..', import.meta.url)),
    replace: { '/home/me/.gemma_cli/models': dirname(dirname(path)) },
  });
  expect(stdout).toBe(`${path} false\n`);
});
