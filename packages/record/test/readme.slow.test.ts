import { join } from 'node:path';
import { runReadmeProgram, withTemporaryFolder } from '@gemma-cli/testkit';
import { expect, it } from 'vitest';

it('the program of the README remembers and reads back', async () => {
  await withTemporaryFolder(async (folder) => {
    const { stdout, stderr } = await runReadmeProgram({
      packageFolder: join(import.meta.dirname, '..'),
      replace: { '/home/me/.gemma_cli/data/memory': join(folder, 'memory') },
    });
    expect(stdout).toMatch(/^[0-9a-f-]{36} short_term .+\nThe build needs Node 20\.\n$/);
    expect(stderr).toBe('');
  });
});
