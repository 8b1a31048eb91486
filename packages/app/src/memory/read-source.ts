import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isGemmaError } from '@gemma-cli/contracts';
import { readDocuments, readSourceBytes } from '@gemma-cli/ingest';

/** A source as it is now. */
export interface SourceNow {
  /** SHA-256 of its bytes, in hexadecimal. */
  readonly hash: string;
  /** Whether its bytes hold this text, as it was read from them. */
  contains(quote: string): Promise<boolean>;
}

/**
 * What became of a source. `gone`: its file is not there any more, or something else is in its place, such as a symbolic
 * link. `unknown`: it is no file of this machine, and nobody is asked (a page is not fetched behind a user's back, a stream
 * is over), or it is too large to be read for this.
 */
export type SourceState = SourceNow | 'gone' | 'unknown';

/** Files beyond this are compared by the text that is remembered: reading them again would take seconds. */
const sourceBytesMax = 64 * 1024 * 1024;

/** Looks at a source again, as carefully as it was read for the first time. Never throws for what a file is. */
export async function readSource(uri: string): Promise<SourceState> {
  // Of another machine, a file would be asked for there.
  if (!/^file:\/\/\//iu.test(uri)) return 'unknown';
  let bytes: Buffer;
  try {
    bytes = await readSourceBytes(uri, { bytesMax: sourceBytesMax });
  } catch (error) {
    if (!isGemmaError(error)) throw error;
    return error.code === 'DOCUMENT_TOO_LARGE' ? 'unknown' : 'gone';
  }
  let plain: string | undefined;
  let extracted: Promise<string> | undefined;
  return {
    hash: createHash('sha256').update(bytes).digest('hex'),
    async contains(quote) {
      plain ??= bytes.toString('utf8').replaceAll(/\r\n?/g, '\n');
      if (plain.includes(quote)) return true;
      // Text of a PDF or a page does not stand in its bytes as it is read.
      extracted ??= extractText(bytes, basename(fileURLToPath(uri)));
      return (await extracted).includes(quote);
    },
  };
}

/** The text of bytes that are here already: the file may be another one by now. Nothing, where there is none in them. */
async function extractText(bytes: Buffer, name: string): Promise<string> {
  async function* stream(): AsyncGenerator<Buffer> {
    yield bytes;
  }
  for await (const event of readDocuments(['-'], { cwd: '/', stdin: { bytes: stream(), name } }))
    if (event.type === 'document') return event.document.text;
  return '';
}
