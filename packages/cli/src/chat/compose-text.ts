import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import { cleanPaste } from './key-decoder.ts';

/**
 * Lets the user write a text in their editor. Gives what the file then holds, without the newline that editors put at its
 * end. `edit` opens the editor and waits for it; the file is private and goes with this call, unless the editor failed
 * after something was written: that is not thrown away.
 *
 * @throws GemmaError `USAGE` when the editor failed, `FILE_UNREADABLE` when its file cannot be read.
 */
export async function composeText(text: string, edit: (file: string) => Promise<void>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gemma-message-'));
  const file = join(folder, 'message.md');
  const before = text === '' ? '' : `${text}\n`;
  let isKept = false;
  try {
    await writeFile(file, before, { mode: 0o600 });
    const failure = await edit(file).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    // Its owner may have written elsewhere in the folder.
    isKept = true;
    const written = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw unreadable(file, cause);
    });
    isKept = failure !== undefined && written !== before;
    if (failure !== undefined) throw editorFailed(failure.error, isKept ? file : undefined);
    return cleanPaste(written).replace(/\n+$/, '');
  } finally {
    if (!isKept) await rm(folder, { recursive: true, force: true });
  }
}

/** The editor's own error speaks of a file that is its user's; this one is there only when something was written. */
function editorFailed(cause: unknown, kept: string | undefined): GemmaError {
  const facts = isGemmaError(cause) ? cause.facts : {};
  const { editor, why } = facts;
  const what =
    typeof editor === 'string' && typeof why === 'string' ? `The editor ${editor} ${why}` : `The editor failed`;
  const next = kept === undefined ? 'Set VISUAL or EDITOR to one that works' : `What you wrote is kept in ${kept}`;
  return new GemmaError({
    code: 'USAGE',
    message: `${what}. ${next}; the message here is as it was.`,
    facts: { ...facts, file: kept ?? null },
    cause,
  });
}

function unreadable(file: string, cause: unknown): GemmaError {
  return new GemmaError({
    code: 'FILE_UNREADABLE',
    message: `${file}: what the editor left could not be read: ${(cause as Error).message}. It is left as it is.`,
    facts: { path: file },
    cause,
  });
}
