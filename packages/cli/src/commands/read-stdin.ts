import { GemmaError } from '@gemma-cli/contracts';
import type { CommandContext } from '../command.ts';
import { usageError } from './usage-error.ts';

/**
 * Reads all of standard input as text.
 *
 * @param expected - What it should be, in words.
 * @throws InputUnreadable where it is no UTF-8, or too much; GemmaError `USAGE` where there is nothing in it, `ABORTED`.
 */
export async function readStdin(
  { stdin, signal }: Pick<CommandContext, 'stdin' | 'signal'>,
  expected: string,
): Promise<string> {
  const { readPromptParts } = await import('../thin/read-input.ts');
  const { files } = await readPromptParts({ words: [], files: ['-'], cwd: '/', stdin, signal, mayBeEmpty: true });
  if (signal.aborted) throw new GemmaError({ code: 'ABORTED', message: 'Nothing was written.' });
  const text = files?.[0] ?? '';
  if (text.trim() === '') throw usageError(`Expected ${expected} on standard input, got nothing but white space.`);
  return text;
}
