import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tryMain } from './run-main.ts';

/** A cheap run of each command that ends by itself. */
const runs = [
  ['list'],
  ['show', './tiny.gguf'],
  ['rm', 'none'],
  ['import', './none.gguf'],
  ['pull', './none.gguf'],
  ['setup'],
  ['role', 'list'],
  ['runtime', 'list'],
  ['config', 'list'],
  ['completion', 'bash'],
  ['doctor', '--no-try'],
];

describe('options of every command', () => {
  test.each(runs.map((argv) => [argv.join(' '), argv] as const))(
    'gemma %s honours --verbose and --no-color',
    (_title, argv) =>
      tryMain({}, async ({ run, folder }) => {
        // Without --no-color FORCE_COLOR would colour what is coloured.
        const env = { FORCE_COLOR: '1', HOME: folder };
        const { stdout, stderr } = await run([...argv, '-v', '--no-color'], { env, terminal: true });
        expect(stdout + stderr).not.toContain('\u001B');
        expect(stderr).toContain(`home ${join(folder, 'home')}\n`);
        expect(stderr).toContain(`configuration ${join(folder, 'home', 'config.toml')}\n`);
      }),
  );

  test('--verbose tells what lies behind an error, and --quiet does not hide the error', () =>
    tryMain({}, async ({ run, folder }) => {
      await mkdir(join(folder, 'home', 'roles'), { recursive: true });
      await writeFile(join(folder, 'home', 'roles', 'bad.toml'), '[options]\ntemprature = 1');
      const { stderr } = await run(['role', 'add', 'x', '--from', 'none.toml', '-v']);
      expect(stderr).toMatch(/FILE_UNREADABLE\]\ngemma: because of Error: ENOENT/);
      expect((await run(['role', 'add', 'x', '--from', 'none.toml', '-q'])).stderr).toMatch(/^gemma: Expected to read/);
    }));
});
