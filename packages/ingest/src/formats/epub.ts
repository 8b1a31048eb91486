import { posix } from 'node:path';
import { Parser } from 'htmlparser2';
import type { ExtractedText, ExtractionJob } from '../extracted-text.ts';
import { skip } from '../skip.ts';
import { htmlToMarkdown } from './html.ts';
import { textTooLong } from './text-builder.ts';
import { openZipArchive } from './zip-archive.ts';

/** A book as Markdown: its chapters in the order of reading. */
export async function extractEpub({ bytes, limits }: ExtractionJob): Promise<ExtractedText> {
  const zip = await openZipArchive(bytes, {
    unpackedRatioMax: limits.unpackedRatioMax,
    unpackedBytesMax: limits.fileBytesMax * 4,
  });
  try {
    const container = await zip.read('META-INF/container.xml');
    const packagePath = container === null ? null : rootFile(container.toString('utf8'));
    const description = packagePath === null ? null : await zip.read(packagePath);
    if (packagePath === null || description === null) {
      throw skip('DOCUMENT_UNREADABLE', 'it is an archive without a book in it');
    }
    if (zip.names.includes('META-INF/encryption.xml') && zip.names.includes('META-INF/rights.xml')) {
      throw skip('DOCUMENT_UNREADABLE', 'it is encrypted');
    }
    const book = readBook(description.toString('utf8'));
    const chapters: string[] = [];
    let left = limits.textCharactersMax;
    for (const path of book.chapters) {
      const chapter = await zip.read(posix.join(posix.dirname(packagePath), path));
      if (chapter === null) continue;
      const { text } = htmlToMarkdown(chapter.toString('utf8'), { charactersMax: left, xml: true });
      left -= text.length;
      if (left <= 0) throw textTooLong(limits.textCharactersMax);
      if (text.trim() !== '') chapters.push(text.trim());
    }
    return { text: chapters.join('\n\n'), format: 'markdown', title: book.title, encoding: null };
  } finally {
    zip.close();
  }
}

function rootFile(xml: string): string | null {
  let path: string | null = null;
  parseXml(xml, (name, attributes) => {
    if (name === 'rootfile') path ??= attributes['full-path'] ?? null;
  });
  return path;
}

/** The title, and the files of the chapters in their order, each once. */
function readBook(xml: string): { readonly title: string | null; readonly chapters: readonly string[] } {
  const files = new Map<string, string>();
  const order: string[] = [];
  let title = '';
  parseXml(
    xml,
    (name, attributes) => {
      if (name === 'item' && /html/u.test(attributes['media-type'] ?? '')) {
        files.set(attributes['id'] ?? '', decodePath(attributes['href'] ?? ''));
      } else if (name === 'itemref') order.push(attributes['idref'] ?? '');
    },
    (name, text) => {
      if (name === 'title' && title.length < 1_000) title += text;
    },
  );
  const chapters = order.map((id) => files.get(id)).filter((path) => path !== undefined);
  return { title: title.trim() || null, chapters: [...new Set(chapters)] };
}

function decodePath(href: string): string {
  const path = href.replace(/#.*$/u, '');
  try {
    return decodeURIComponent(path);
  } catch (error) {
    // A stray percent sign stands for itself.
    if (error instanceof URIError) return path;
    throw error;
  }
}

/** Names come without the prefix of their namespace. */
function parseXml(
  xml: string,
  onOpen: (name: string, attributes: Readonly<Record<string, string>>) => void,
  onText?: (name: string, text: string) => void,
): void {
  let open = '';
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        open = name.slice(name.indexOf(':') + 1);
        onOpen(open, attributes);
      },
      ontext(text) {
        onText?.(open, text);
      },
      onclosetag() {
        open = '';
      },
    },
    { xmlMode: true },
  );
  parser.write(xml);
  parser.end();
}
