import { fileURLToPath } from 'node:url';
import { runReadmeProgram } from '@gemma-cli/testkit';
import { expect, test } from 'vitest';

test('the program of the README finds the section that answers', async () => {
  const { stdout } = await runReadmeProgram({ packageFolder: fileURLToPath(new URL('..', import.meta.url)) });
  const [log, setup] = stdout.split('\n').map((line) => line.split(' '));
  expect(log?.slice(0, 3)).toEqual(['Log', '0', '33']);
  expect(setup?.slice(0, 3)).toEqual(['Setup', '35', '69']);
  expect(Number(setup?.[3])).toBeGreaterThan(Number(log?.[3]));
});
