import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readDocuments } from '@gemma-cli/ingest';

/** A source as it is now. */
export interface SourceNow {
  /** SHA-256 of its bytes, in hexadecimal. */
  readonly hash: string;
  /** Whether its bytes hold this text, as it was read from them. */
  contains(quote: string): Promise<boolean>;
}

/**
 * What became of a source. `gone`: its file cannot be read any more. `unknown`: it is no file, and nobody is asked: a page is
 * not fetched behind a user's back, a stream is over.
 */
export type SourceState = SourceNow | 'gone' | 'unknown';

/** Files beyond this are compared by the text that is remembered: reading them again would take seconds. */
const sourceBytesMax = 64 * 1024 * 1024;

/** Looks at a source again. Never throws for what a file is. */
export async function readSource(uri: string): Promise<SourceState> {
  if (!uri.startsWith('file:')) return 'unknown';
  let path: string;
  let bytes: Buffer;
  try {
    path = fileURLToPath(uri);
    const found = await stat(path);
    // What is read here was named by a record that others may have written: a pipe or a device would never end.
    if (!found.isFile()) return 'gone';
    if (found.size > sourceBytesMax) return 'unknown';
    bytes = await readFile(path);
  } catch {
    return 'gone';
  }
  let extracted: Promise<string> | undefined;
  return {
    hash: createHash('sha256').update(bytes).digest('hex'),
    async contains(quote) {
      const text = bytes.toString('utf8').replaceAll(/\r\n?/g, '\n');
      if (text.includes(quote)) return true;
      // Text of a PDF or a page does not stand in its bytes as it is read.
      extracted ??= extractText(path);
      return (await extracted).includes(quote);
    },
  };
}

async function extractText(path: string): Promise<string> {
  for await (const event of readDocuments([path], { cwd: dirname(path), hidden: true }))
    if (event.type === 'document') return event.document.text;
  return '';
}
