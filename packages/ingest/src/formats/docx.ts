import { Parser } from 'htmlparser2';
import type { ExtractedText, ExtractionJob } from '../extracted-text.ts';
import { skip } from '../skip.ts';
import { createTextBuilder } from './text-builder.ts';
import type { TextBuilder } from './text-builder.ts';
import { openZipArchive } from './zip-archive.ts';

/** A document of a word processor as Markdown: its body, then its notes. Comments and deleted text are left out. */
export async function extractDocx({ bytes, limits }: ExtractionJob): Promise<ExtractedText> {
  const zip = await openZipArchive(bytes, {
    unpackedRatioMax: limits.unpackedRatioMax,
    unpackedBytesMax: limits.fileBytesMax * 4,
  });
  try {
    const body = await zip.read('word/document.xml');
    if (body === null) throw skip('DOCUMENT_UNREADABLE', 'it is an archive without a document in it');
    const styles = headingStyles(await readText(zip.read('word/styles.xml')));
    const out = createTextBuilder(limits.textCharactersMax);
    writeParagraphs(body.toString('utf8'), styles, out);
    for (const part of ['word/footnotes.xml', 'word/endnotes.xml']) {
      out.block();
      writeParagraphs(await readText(zip.read(part)), styles, out);
    }
    const text = out.text();
    const title = coreTitle(await readText(zip.read('docProps/core.xml')));
    return { text, format: 'markdown', title: title ?? firstHeading(text), encoding: null };
  } finally {
    zip.close();
  }
}

async function readText(bytes: Promise<Buffer | null>): Promise<string> {
  return (await bytes)?.toString('utf8') ?? '';
}

/** Elements whose text is not the document's: deleted, fields' instructions, second forms of the same thing. */
const dropped: ReadonlySet<string> = new Set(['w:del', 'w:moveFrom', 'w:instrText', 'w:delText', 'mc:Fallback']);

function writeParagraphs(xml: string, headings: ReadonlyMap<string, number>, out: TextBuilder): void {
  let hidden = 0;
  let inText = false;
  let cells = 0;
  let tables = 0;
  let ended = false;
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        if (dropped.has(name)) hidden++;
        if (hidden > 0) return;
        const value = attributes['w:val'] ?? '';
        if (name === 'w:t') inText = true;
        else if (name === 'w:tab') out.write(' ');
        else if (name === 'w:br' || name === 'w:cr') out.line();
        else if (name === 'w:noBreakHyphen') out.writeExactly('-');
        else if (name === 'w:p' && tables === 0) out.block();
        else if (name === 'w:p') out.write(' ');
        else if (name === 'w:tbl' && tables++ === 0) out.block();
        else if (name === 'w:tr') {
          cells = 0;
          out.line();
        } else if (name === 'w:tc' && cells++ > 0) out.writeExactly(' | ');
        else if (name === 'w:pStyle' && tables === 0) {
          const level = headings.get(value) ?? headingLevel(value);
          if (level !== null) out.mark(`${'#'.repeat(level)} `);
        } else if (name === 'w:numPr' && tables === 0) out.mark('- ');
      },
      ontext(text) {
        if (inText && hidden === 0) out.write(text);
      },
      onclosetag(name) {
        if (dropped.has(name) && hidden > 0) hidden--;
        else if (name === 'w:t') inText = false;
        else if (name === 'w:tbl' && tables > 0 && --tables === 0) out.block();
        if (name === 'w:document' || name === 'w:footnotes' || name === 'w:endnotes') ended = true;
      },
    },
    { xmlMode: true },
  );
  parser.write(xml);
  // What is missing at the end is closed by the parser without a word, so the end is looked for before.
  if (xml !== '' && !/<\/w:(?:document|footnotes|endnotes)>\s*$/u.test(xml.slice(-200))) {
    throw skip('DOCUMENT_UNREADABLE', 'the document in it is cut off');
  }
  parser.end();
  if (xml !== '' && !ended)
    throw skip('DOCUMENT_UNREADABLE', 'the document in it is not of the format that it seems to be');
}

/** The level of the styles that are headings in any language, by their outline level or their English name. */
function headingStyles(xml: string): ReadonlyMap<string, number> {
  const levels = new Map<string, number>();
  let style: string | null = null;
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        const value = attributes['w:val'] ?? '';
        if (name === 'w:style') style = attributes['w:type'] === 'paragraph' ? (attributes['w:styleId'] ?? null) : null;
        if (style === null) return;
        const level = name === 'w:outlineLvl' ? Number(value) + 1 : name === 'w:name' ? headingLevel(value) : null;
        if (level !== null && level >= 1 && level <= 6) levels.set(style, level);
      },
    },
    { xmlMode: true },
  );
  parser.write(xml);
  parser.end();
  return levels;
}

function headingLevel(name: string): number | null {
  if (/^title$/iu.test(name)) return 1;
  const level = /^heading ?([1-6])$/iu.exec(name)?.[1];
  return level === undefined ? null : Number(level);
}

function coreTitle(xml: string): string | null {
  let title = '';
  let inTitle = false;
  const parser = new Parser(
    {
      onopentag(name) {
        inTitle = name === 'dc:title';
      },
      ontext(text) {
        if (inTitle && title.length < 1_000) title += text;
      },
      onclosetag() {
        inTitle = false;
      },
    },
    { xmlMode: true },
  );
  parser.write(xml);
  parser.end();
  return title.trim() || null;
}

/** The first heading of a text as Markdown. */
export function firstHeading(text: string): string | null {
  return /^#{1,6} (.+)$/mu.exec(text)?.[1]?.trim() ?? null;
}
