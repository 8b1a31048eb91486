import { decodeText } from '../decode-text.ts';
import type { ExtractedText, ExtractionJob } from '../extracted-text.ts';
import { skip } from '../skip.ts';
import { markdownTitle } from './markdown.ts';
import { createTextBuilder } from './text-builder.ts';

/** Characters of the outputs of one cell: more is a log or data. */
const outputCharactersMax = 2_000;

/** A notebook as Markdown: texts as they are, code and what it printed as code. */
export async function extractNotebook({ bytes, charset, limits }: ExtractionJob): Promise<ExtractedText> {
  const { text, encoding } = await decodeText(bytes, charset);
  let notebook: unknown;
  try {
    notebook = JSON.parse(text.replace(/^\uFEFF/u, ''));
  } catch (error) {
    throw skip('DOCUMENT_UNREADABLE', `it is no valid JSON (${(error as Error).message})`, error);
  }
  const cells = listOf(field(notebook, 'cells'));
  // Version 3 has its cells on sheets.
  const all =
    cells.length > 0 ? cells : listOf(field(notebook, 'worksheets')).flatMap((sheet) => listOf(field(sheet, 'cells')));
  const language = field(field(field(notebook, 'metadata'), 'kernelspec'), 'language');
  const out = createTextBuilder(limits.textCharactersMax);
  for (const cell of all) {
    const source = textOf(field(cell, 'source') ?? field(cell, 'input')).trimEnd();
    const type = field(cell, 'cell_type');
    if (source.trim() !== '') {
      out.writeExactly(type === 'code' ? fenced(source, typeof language === 'string' ? language : '') : source);
      out.block();
    }
    const printed = listOf(field(cell, 'outputs')).map(printedText).join('').trimEnd();
    if (printed.trim() !== '') {
      out.writeExactly(fenced(printed.slice(0, outputCharactersMax), ''));
      out.block();
    }
  }
  const markdown = out.text();
  return { text: markdown, format: 'markdown', title: markdownTitle(markdown), encoding };
}

function printedText(output: unknown): string {
  return textOf(field(output, 'text') ?? field(field(output, 'data'), 'text/plain'));
}

function fenced(code: string, language: string): string {
  const fence = code.includes('```') ? '~~~~' : '```';
  return `${fence}${/^[\w+#-]*$/u.test(language) ? language : ''}\n${code}\n${fence}`;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text, or one that is split into its lines. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return listOf(value)
    .filter((line) => typeof line === 'string')
    .join('');
}
