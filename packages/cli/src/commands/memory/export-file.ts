import { open, rm } from 'node:fs/promises';
import { GemmaError } from '@gemma-cli/contracts';
import type { ExportLine } from '@gemma-cli/contracts';

/**
 * Writes an export to a new file, which is whole on the disk or not there.
 *
 * @param openFile - Default: that of Node.
 * @returns How many rows it has.
 * @throws GemmaError `FILE_UNREADABLE`, `DISK_FULL`, and what the lines throw.
 */
export async function exportFile(
  path: string,
  lines: AsyncIterable<ExportLine>,
  openFile: typeof open = open,
): Promise<number> {
  let rows = 0;
  const refuse = (cause: unknown): never => {
    throw writeError(path, cause);
  };
  const handle = await openFile(path, 'wx', 0o600).catch(refuse);
  try {
    for await (const line of lines) {
      await handle.write(`${JSON.stringify(line)}\n`).catch(refuse);
      if (line.type === 'row') rows += 1;
    }
    await handle.sync().catch(refuse);
  } catch (error) {
    // Half an export looks like a whole one, and would be in the way of the next.
    await rm(path, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return rows;
}

function writeError(path: string, cause: unknown): GemmaError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new GemmaError({
    code: isFull ? 'DISK_FULL' : 'FILE_UNREADABLE',
    message: isFull
      ? `There is no space left for ${path}. Free some, or write to another disk.`
      : code === 'EEXIST'
        ? `Expected ${path} to be a new file, but it is there. Choose another name, or remove it.`
        : `Expected to write ${path}: ${message}.`,
    facts: { path },
    cause,
  });
}
