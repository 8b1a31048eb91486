import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import type { SearchMode, SearchResult } from '@gemma-cli/contracts';
import type { CommandContext } from '../../command.ts';
import { countOf, formatSeconds, printNotice } from '../print.ts';
import type { OpenedMemory, VectorNeed } from './open-memory.ts';

/** What is needed of a memory. */
type VectorMemory = Pick<OpenedMemory, 'memory' | 'vectors'>;

/** Time between two pictures of a terminal. */
const pictureMs = 200;

/**
 * Makes the vectors that are missing, with progress on a terminal. What is made stays, however it ends.
 *
 * @returns How many were missing.
 * @throws GemmaError `ABORTED` with what is left; what the embedder throws.
 */
export async function makeVectors(context: CommandContext, { memory, vectors }: VectorMemory): Promise<number> {
  const { signal, stderr, options } = context;
  const missing = await countMissing(memory);
  if (missing === 0 || vectors.model === null) return 0;
  const isLive = stderr.isTTY === true && !options.quiet;
  const startedMs = performance.now();
  let shownMs = Number.NEGATIVE_INFINITY;
  let made = 0;
  vectors.listener = (count) => {
    made = Math.min(missing, made + count);
    const atMs = performance.now();
    if (!isLive || atMs - shownMs < pictureMs) return;
    shownMs = atMs;
    const rate = made / ((atMs - startedMs) / 1000);
    const text = `${made} of ${missing} vectors  ${rate.toFixed(0)}/s  ${formatSeconds((missing - made) / rate)} left`;
    stderr.write(`\r${text.slice(0, (stderr.columns ?? 80) - 1)}\u001B[K`);
  };
  try {
    await untilAborted(memory.flush(), signal, async () => {
      const left = await countMissing(memory);
      return `Stopped with ${left} vectors left to make. \`gemma memory embed\` goes on.`;
    });
    return missing;
  } finally {
    vectors.listener = null;
    if (made > 0 && isLive) stderr.write('\r\u001B[K');
  }
}

/**
 * Makes what is missing after a command has done its work. That it cannot be done is told and no failure: words are found
 * without.
 *
 * @returns The exit code of the command: `code`, or that of a stop.
 */
export async function finishVectors(context: CommandContext, opened: VectorMemory, code: number): Promise<number> {
  const { vectors } = opened;
  if (context.signal.aborted) return code;
  if (vectors.model === null) {
    if (vectors.line !== null) printNotice(context, vectors.line);
    return code;
  }
  try {
    const startedMs = performance.now();
    const made = await makeVectors(context, opened);
    if (made > 0) {
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      printNotice(context, `${countOf(made, 'vector')} by ${vectors.model}, ${seconds} s.`);
    }
    return code;
  } catch (error) {
    if (!isGemmaError(error)) throw error;
    if (error.code === 'ABORTED') {
      printNotice(context, `gemma: ${error.message}`);
      return error.exitCode;
    }
    printNotice(context, `gemma: No vectors were made: ${error.message}`);
    return code;
  }
}

/** So many missing vectors are made by a search that needs them: one batch. */
const vectorsAtSearchMax = 32;

/** What a search needs: nothing where words are enough, and nothing else where they were not asked for. */
export function vectorsOfMode(asked: SearchMode | undefined): VectorNeed {
  if (asked === undefined) return 'try';
  return asked === 'lexical' ? 'none' : 'demand';
}

/**
 * Searches in the mode that was asked for. Where none was: hybrid where there are vectors, and by words alone, with one
 * line that says why, where there are none or the embedding model fails.
 *
 * @param asked - `undefined`: none was.
 */
export async function searchInMode(
  context: CommandContext,
  opened: VectorMemory,
  asked: SearchMode | undefined,
  search: (mode: SearchMode) => Promise<SearchResult>,
): Promise<SearchResult> {
  const { memory, vectors } = opened;
  if (asked === 'lexical') return search('lexical');
  if (vectors.model === null) {
    if (vectors.line !== null) printNotice(context, vectors.line);
    return search('lexical');
  }
  const missing = await countMissing(memory);
  if (missing > vectorsAtSearchMax) {
    const { rows } = await memory.stats();
    printNotice(
      context,
      `gemma: ${missing} of ${rows.total} rows are found by their words alone: \`gemma memory embed\` makes their vectors.`,
    );
    if (asked === undefined && missing >= rows.total) return search('lexical');
  }
  try {
    if (missing <= vectorsAtSearchMax) await makeVectors(context, opened);
    return await search(asked ?? 'hybrid');
  } catch (error) {
    if (asked !== undefined || !isGemmaError(error) || error.code === 'ABORTED' || error.code.startsWith('REQUEST'))
      throw error;
    printNotice(context, `gemma: By words alone: ${error.message}`);
    return search('lexical');
  }
}

/** Rows without a vector of the present model. Rows that have expired may have theirs still. */
async function countMissing(memory: VectorMemory['memory']): Promise<number> {
  const { rows, index } = await memory.stats();
  return Math.max(0, rows.total - index.vectors);
}

async function untilAborted(work: Promise<void>, signal: AbortSignal, message: () => Promise<string>): Promise<void> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<'aborted'>((resolve) => {
    onAbort = () => {
      resolve('aborted');
    };
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
  try {
    // Who closes the memory ends it.
    work.catch(() => undefined);
    if ((await Promise.race([work, aborted])) !== 'aborted') return;
    throw new GemmaError({ code: 'ABORTED', message: await message() });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
