import { fileURLToPath } from 'node:url';
import { runReadmeProgram } from '@gemma-cli/testkit';
import { expect, test } from 'vitest';

test('the program of the README finds what it says', async () => {
  const { stdout } = await runReadmeProgram({ packageFolder: fileURLToPath(new URL('..', import.meta.url)) });
  const lines = stdout.trim().split('\n');
  expect(lines.map((line) => line.replace(/^\d\.\d\d /u, ''))).toEqual([
    'The keeper of the lighthouse is called Ada.',
    'The lamp is lit at dusk.',
  ]);
});
