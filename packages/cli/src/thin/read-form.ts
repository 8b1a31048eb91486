import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CommandInput } from '../command.ts';
import type { AnswerForm } from './connection.ts';
import { InputUnreadable } from './read-input.ts';
import { UsageProblem } from './usage-problem.ts';

/**
 * Reads what `--schema`, `--schema-multi` or `--grammar` name. Files are read here, so that `--schema <(command)` works;
 * what they say is for the answering side to understand.
 *
 * @throws UsageProblem for two of them at once, or an empty one. InputUnreadable.
 */
export async function readForm({ options }: CommandInput, cwd: string): Promise<AnswerForm | undefined> {
  const given = (['schema', 'schema-multi', 'grammar'] as const).filter((name) => options[name] !== undefined);
  const [name, other] = given;
  if (name === undefined) return undefined;
  if (other !== undefined) {
    throw new UsageProblem(`Expected one of --${name} and --${other}, got both. An answer has one form.`, {
      option: other,
    });
  }
  const value = options[name] as string;
  if (value.trim() === '')
    throw new UsageProblem(`Expected a value after --${name}, got an empty text.`, { option: name });
  if (name === 'grammar') return { type: 'grammar', text: await readText(resolve(cwd, value)) };
  return { type: 'schema', text: await schemaText(value, cwd), list: name === 'schema-multi' };
}

/** The value itself when it is JSON; otherwise the file of this name, if there is one or it cannot be anything else. */
async function schemaText(value: string, cwd: string): Promise<string> {
  if (value.trimStart().startsWith('{')) return value;
  const path = resolve(cwd, value);
  const isPathOnly = /[\\/]/.test(value) || /\.json$/i.test(value);
  if (isPathOnly) return readText(path);
  // A short schema may be longer than a file name, hold what no file name may, or be the name of a folder.
  const isFile = await stat(path).then(
    (found) => !found.isDirectory(),
    () => false,
  );
  return isFile ? readText(path) : value;
}

async function readText(path: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8 text' : message;
    throw new InputUnreadable(path, why, cause);
  }
}
