import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import type { ByteSource } from './byte-source.ts';
import { withFileBytes } from './byte-source.ts';
import { ggufMagic, readGgufHeader } from './gguf-header.ts';
import type { ModelHeader } from './model-header.ts';
import { readSbsHeader, sbsMagic } from './sbs-header.ts';

/**
 * Checks the header of a model file against the file's real size and tells what the model is. Nothing native sees a file
 * before this did. Reads the header only.
 *
 * @throws GemmaError `MODEL_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_NOT_FOUND`, `FILE_UNREADABLE`.
 */
export async function inspectModelFile(path: string): Promise<ModelHeader> {
  try {
    return await withFileBytes(path, readModelHeader);
  } catch (error) {
    if (isGemmaError(error)) {
      const facts = { ...error.facts, path };
      throw new GemmaError({ code: error.code, message: `${path}: ${error.message}`, facts, cause: error });
    }
    throw unreadable(path, error);
  }
}

/** Checks the header of anything that can be read like a file. */
export async function readModelHeader(source: ByteSource): Promise<ModelHeader> {
  const head = await source.read(0, 8);
  const magic = head.length >= 4 ? head.readUInt32LE(0) : 0;
  if (magic === ggufMagic) return await readGgufHeader(source);
  if (magic === sbsMagic) return await readSbsHeader(source);
  throw new GemmaError({
    code: 'MODEL_INVALID',
    message: `Expected a model file (GGUF or SBS), got ${describeHead(head, source.sizeBytes)}. Fetch the file again, or choose another.`,
    facts: { sizeBytes: source.sizeBytes, headHex: head.toString('hex') },
  });
}

/** What the first bytes of a file are if not those of a model: `null` when they may be. */
export function describeNoModel(head: Buffer, sizeBytes: number): string | null {
  const magic = head.length >= 4 ? head.readUInt32LE(0) : 0;
  return magic === ggufMagic || magic === sbsMagic ? null : describeHead(head, sizeBytes);
}

/** What a file that is no model seems to be: the usual mistakes by name. */
function describeHead(head: Buffer, sizeBytes: number): string {
  if (sizeBytes === 0) return 'an empty file';
  if (head.every((byte) => byte === 0)) return 'a file that begins with zero bytes';
  const text = head.toString('latin1');
  if (/^\s*<(?:!|h)/i.test(text)) return 'a web page';
  if (text.startsWith('version ')) return 'a Git LFS pointer in place of the file';
  if (text.startsWith('PK')) return 'a zip archive';
  if (/^[\s]*[[{]/.test(text)) return 'a JSON text';
  return `a file that begins with the bytes ${head.subarray(0, 4).toString('hex')}`;
}

function unreadable(path: string, cause: unknown): GemmaError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new GemmaError({
      code: 'MODEL_NOT_FOUND',
      message: `Expected a model file at ${path}, and nothing is there. Check the path, or run gemma list.`,
      facts: { path },
      cause,
    });
  }
  const reason = code === 'EISDIR' ? 'it is a folder' : cause instanceof Error ? cause.message : String(cause);
  return new GemmaError({
    code: 'FILE_UNREADABLE',
    message: `Expected to read the model file ${path}, but ${reason}.`,
    facts: { path, reason },
    cause,
  });
}
