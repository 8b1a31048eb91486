import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { GemmaError } from '@gemma-cli/contracts';
import type { ExportLine } from '@gemma-cli/contracts';

/**
 * The lines of an export. What they hold is for the store to check. Whoever stops reading, for an error too, ends the stream.
 *
 * @param options.name - What the stream is, in words.
 * @throws GemmaError `FILE_UNREADABLE`, `REQUEST_INVALID` for what is no JSON, `ABORTED`.
 */
export async function* readExport(
  stream: Readable,
  { name, signal }: { readonly name: string; readonly signal: AbortSignal },
): AsyncGenerator<ExportLine> {
  let number = 0;
  const failed = new Promise<never>((_, reject) => {
    stream.once('error', (cause: Error) =>
      reject(
        new GemmaError({
          code: 'FILE_UNREADABLE',
          message: `Expected to read ${name}: ${cause.message}.`,
          facts: { path: name },
          cause,
        }),
      ),
    );
  });
  failed.catch(() => undefined);
  const reader = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY, signal });
  const lines = reader[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([lines.next(), failed]);
      if (signal.aborted) {
        throw new GemmaError({
          code: 'ABORTED',
          message: 'The import was stopped. Import again to go on: what is there by then is left as it is.',
          cause: signal.reason,
        });
      }
      if (next.done === true) return;
      const line = next.value;
      number += 1;
      if (line.trim() === '') continue;
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch (cause) {
        throw new GemmaError({
          code: 'REQUEST_INVALID',
          message: `Expected line ${number} of ${name} to be JSON, as \`gemma memory export\` writes it: ${(cause as Error).message}.`,
          facts: { line: number },
          cause,
        });
      }
      yield value as ExportLine;
    }
  } finally {
    reader.close();
    // Whoever writes may never end: nobody is to wait for them.
    stream.destroy();
  }
}
