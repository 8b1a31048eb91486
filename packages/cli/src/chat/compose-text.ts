import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanPaste } from './key-decoder.ts';

/**
 * Lets the user write a text in their editor. Gives what the file then holds, without the newline that editors put at its
 * end. `edit` opens the editor and waits for it; the file is private and goes with this call.
 */
export async function composeText(text: string, edit: (file: string) => Promise<void>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gemma-message-'));
  const file = join(folder, 'message.md');
  try {
    await writeFile(file, text === '' ? '' : `${text}\n`, { mode: 0o600 });
    await edit(file);
    return cleanPaste(await readFile(file, 'utf8')).replace(/\n+$/, '');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
