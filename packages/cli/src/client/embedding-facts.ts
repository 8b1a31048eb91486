import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { homeLayout } from '@gemma-cli/config';

/** What an embedding model was found to be when it was loaded: so that a memory is opened without loading it again. */
export interface EmbeddingFacts {
  /** Name of the model, as it is asked for. */
  readonly name: string;
  /** Its file, absolute. */
  readonly path: string;
  readonly embedId: string;
  readonly dimensions: number;
}

interface EmbeddingFactsFile extends EmbeddingFacts {
  readonly format: 'gemma-embedding';
  readonly version: 1;
  /** Of the file, when the model was loaded. */
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/**
 * The facts of the model that was used last. `null` where there are none, or the file of the model is another one by now:
 * then the model is loaded to learn them anew.
 */
export async function readEmbeddingFacts(home: string): Promise<EmbeddingFacts | null> {
  const facts = await readFactsFile(factsPath(home));
  if (facts === null) return null;
  const now = await stampOf(facts.path);
  if (now === null || now.sizeBytes !== facts.sizeBytes || now.modifiedMs !== facts.modifiedMs) return null;
  const { name, path, embedId, dimensions } = facts;
  return { name, path, embedId, dimensions };
}

/** Keeps facts for the next opening. */
export async function writeEmbeddingFacts(home: string, facts: EmbeddingFacts): Promise<void> {
  const stamp = await stampOf(facts.path);
  if (stamp === null) return;
  const { name, path, embedId, dimensions } = facts;
  const file: EmbeddingFactsFile = {
    format: 'gemma-embedding',
    version: 1,
    name,
    path,
    ...stamp,
    embedId,
    dimensions,
  };
  const target = factsPath(home);
  const part = `${target}.${randomUUID()}.part`;
  try {
    await writeFile(part, `${JSON.stringify(file)}\n`, { mode: 0o600 });
    await rename(part, target);
  } finally {
    await rm(part, { force: true });
  }
}

/** Facts that turned out to be wrong. */
export async function forgetEmbeddingFacts(home: string): Promise<void> {
  await rm(factsPath(home), { force: true });
}

function factsPath(home: string): string {
  return join(homeLayout(home).data, 'embedding.json');
}

/** A file that is damaged, or of another version, is as good as none: all that it says can be learned again. */
async function readFactsFile(path: string): Promise<EmbeddingFactsFile | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (text === null) return null;
  let value: Partial<EmbeddingFactsFile> | null;
  try {
    value = JSON.parse(text) as Partial<EmbeddingFactsFile> | null;
  } catch {
    return null;
  }
  const isWhole =
    value?.format === 'gemma-embedding' &&
    value.version === 1 &&
    [value.name, value.path, value.embedId].every((one) => typeof one === 'string' && one !== '') &&
    [value.sizeBytes, value.modifiedMs, value.dimensions].every(Number.isFinite);
  return isWhole ? (value as EmbeddingFactsFile) : null;
}

async function stampOf(path: string): Promise<{ readonly sizeBytes: number; readonly modifiedMs: number } | null> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { sizeBytes: size, modifiedMs: mtimeMs };
  } catch {
    // Whatever keeps it from being looked at keeps it from being loaded, which tells why.
    return null;
  }
}
