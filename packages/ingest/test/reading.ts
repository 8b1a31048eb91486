import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { readDocuments } from '../src/index.ts';
import type { IngestDocument, IngestEvent, ReadDocumentsOptions } from '../src/index.ts';

/** A folder of its own for the running test, with these files in it. */
export async function folderWith(files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gemma-ingest-'));
  onTestFinished(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** What a whole reading told, by kind. */
export interface Told {
  readonly events: readonly IngestEvent[];
  readonly documents: readonly IngestDocument[];
  /** Path, code and reason of what was left out. */
  readonly skipped: readonly { readonly path: string; readonly code: string; readonly reason: string }[];
  readonly unchanged: readonly string[];
}

/** Reads all of it. */
export async function readAll(inputs: readonly string[], options: ReadDocumentsOptions): Promise<Told> {
  const events: IngestEvent[] = [];
  for await (const event of readDocuments(inputs, options)) events.push(event);
  return {
    events,
    documents: events.flatMap((event) => (event.type === 'document' ? [event.document] : [])),
    skipped: events.flatMap((event) =>
      event.type === 'skipped' ? [{ path: event.path, code: event.code, reason: event.reason }] : [],
    ),
    unchanged: events.flatMap((event) => (event.type === 'unchanged' ? [event.uri] : [])),
  };
}

/** Reads one file of these bytes. */
export async function readOne(
  name: string,
  content: string | Uint8Array,
  options: Partial<ReadDocumentsOptions> = {},
): Promise<Told> {
  const cwd = await folderWith({ [name]: content });
  return readAll([name], { cwd, ...options });
}
