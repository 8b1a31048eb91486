import { access, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { itUnless, missingUnix } from '@gemma-cli/testkit';
import { composeText } from '../src/chat/compose-text.ts';
import { openEditor } from '../src/commands/open-editor.ts';

const env = { PATH: process.env['PATH'] };

/** Composes with a shell command as the editor. Gives its file, and what came of it. */
async function composeWith(
  command: string,
  text: string,
): Promise<{ readonly file: string; readonly text: string | undefined; readonly message: string | undefined }> {
  let file = '';
  const edit = (path: string): Promise<void> => {
    file = path;
    return openEditor({ env: { ...env, EDITOR: command }, cwd: dirname(path) }, path);
  };
  const outcome = await composeText(text, edit).then(
    (written) => ({ text: written, message: undefined }),
    (error: unknown) => ({ text: undefined, message: (error as Error).message }),
  );
  onTestFinished(() => rm(dirname(file), { recursive: true, force: true }));
  return { file, ...outcome };
}

itUnless(missingUnix, 'what was written comes back, and no file stays', async () => {
  const { file, text } = await composeWith(`f() { echo more >> "$1"; }; f`, 'draft');
  expect(text).toBe('draft\nmore');
  await expect(access(dirname(file))).rejects.toThrow('ENOENT');
});

itUnless(
  missingUnix,
  'what was written before the editor failed is kept in a private file that the error names',
  async () => {
    const { file, message } = await composeWith(`f() { echo written > "$1"; exit 3; }; f`, 'draft');
    expect(await readFile(file, 'utf8')).toBe('written\n');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(message).toContain('ended with exit code 3');
    expect(message).toContain(`What you wrote is kept in ${file}`);
  },
);

itUnless(
  missingUnix,
  'an editor that fails with nothing written leaves no file, and the error names none',
  async () => {
    for (const text of ['', 'draft']) {
      const { file, message } = await composeWith('exit 127 #', text);
      await expect(access(dirname(file))).rejects.toThrow('ENOENT');
      expect(message).toContain('ended with exit code 127');
      expect(message).toContain('Set VISUAL or EDITOR');
      expect(message).not.toContain(file);
    }
  },
);

test('what cannot be read back is left where it is', async () => {
  let file = '';
  const composed = composeText('draft', async (path) => {
    file = path;
    await rm(path);
    await writeFile(`${path}.saved`, 'elsewhere');
  });
  await expect(composed).rejects.toThrow('could not be read');
  onTestFinished(() => rm(dirname(file), { recursive: true, force: true }));
  expect(await readFile(`${file}.saved`, 'utf8')).toBe('elsewhere');
});
