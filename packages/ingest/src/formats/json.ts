import { decodeText } from '../decode-text.ts';
import type { ExtractedText, ExtractionJob } from '../extracted-text.ts';
import { skip } from '../skip.ts';
import { createTextBuilder } from './text-builder.ts';
import type { TextBuilder } from './text-builder.ts';

/**
 * Data as one line for each of its values, behind the path that leads to it: `server.ports[0]: 8080`. The entries of the
 * outermost list, and the lines of JSON Lines, are paragraphs.
 */
export async function extractJson({ kind, bytes, charset, limits }: ExtractionJob): Promise<ExtractedText> {
  const { text, encoding } = await decodeText(bytes, charset);
  const plain = text.replace(/^\uFEFF/u, '');
  const out = createTextBuilder(limits.textCharactersMax);
  if (kind === 'jsonl') {
    for (const [at, line] of plain.split('\n').entries()) {
      if (line.trim() === '') continue;
      writeValue(parse(line, `line ${at + 1}`), '', 0, limits.nestingMax, out);
      out.block();
    }
  } else {
    const value = parse(plain, 'it');
    if (Array.isArray(value)) {
      for (const entry of value) {
        writeValue(entry, '', 0, limits.nestingMax, out);
        out.block();
      }
    } else writeValue(value, '', 0, limits.nestingMax, out);
  }
  return { text: out.text(), format: 'prose', title: null, encoding };
}

/** JSON, and the JSON with comments and last commas that configuration files are written in. */
function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const plain = withoutComments(text);
    try {
      if (plain !== text) return JSON.parse(plain) as unknown;
    } catch {
      // The first error speaks of the text as it is.
    }
    throw skip('DOCUMENT_UNREADABLE', `${what} is no valid JSON (${(error as Error).message})`, error);
  }
}

/** Puts nothing in the place of comments and of commas before a closing bracket. Texts in quotation marks stay. */
function withoutComments(text: string): string {
  // What is opened and never closed reaches to the end, so that nothing is looked at twice.
  const pieces = /("[^"\\]*(?:\\[^][^"\\]*)*(?:"|\\?$))|\/\/[^\n]*|\/\*(?:[^]*?\*\/|[^]*$)|,(?=\s*[}\]])/gu;
  return text.replace(pieces, (_piece, quoted: string | undefined) => quoted ?? '');
}

function writeValue(value: unknown, path: string, depth: number, nestingMax: number, out: TextBuilder): void {
  if (depth > nestingMax) throw skip('DOCUMENT_TOO_LARGE', `it is nested more than ${nestingMax} levels deep`);
  if (typeof value === 'object' && value !== null) {
    if (Array.isArray(value)) {
      for (const [at, entry] of value.entries()) writeValue(entry, `${path}[${at}]`, depth + 1, nestingMax, out);
    } else {
      for (const [name, entry] of Object.entries(value)) {
        writeValue(entry, path === '' ? name : `${path}.${name}`, depth + 1, nestingMax, out);
      }
    }
    return;
  }
  if (value === null || value === '') return;
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  out.writeExactly(path === '' ? shown : `${path}: ${shown}`);
  out.line();
}
