import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './workspace.ts';

test('the public types are those of the committed snapshot in api/', async () => {
  expect(await runScript('api-snapshot.mjs')).toEqual({ code: 0, output: '' });
});

test('docs/errors.md lists the error codes of the code, with their exits and meanings', async () => {
  expect(await runScript('error-table.mjs')).toEqual({ code: 0, output: '' });
});

/** What a script of the workspace says and ends with; a failing one names the command that mends it. */
function runScript(name: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [join(root, 'scripts', name)], (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? 1, output: `${stdout}${stderr}` });
    });
  });
}
