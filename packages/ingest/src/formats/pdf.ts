import { getDocumentProxy } from 'unpdf';
import type { ExtractedText, ExtractionJob } from '../extracted-text.ts';
import { skip } from '../skip.ts';
import { textTooLong } from './text-builder.ts';

/** The text of a PDF, page after page, as its makers put it there. Pictures of text are not read. */
export async function extractPdf({ bytes, limits }: ExtractionJob): Promise<ExtractedText> {
  const pdf = await open(bytes);
  try {
    if (pdf.numPages > limits.pagesMax) {
      throw skip('DOCUMENT_TOO_LARGE', `it has ${pdf.numPages} pages: at most ${limits.pagesMax} are read`);
    }
    const pages: string[] = [];
    let characters = 0;
    for (let number = 1; number <= pdf.numPages; number++) {
      const page = await pdf.getPage(number);
      const text = pageText((await page.getTextContent()).items as readonly PdfItem[]);
      page.cleanup();
      characters += text.length;
      if (characters > limits.textCharactersMax) throw textTooLong(limits.textCharactersMax);
      if (text !== '') pages.push(text);
    }
    if (pages.length === 0) {
      throw skip('DOCUMENT_UNSUPPORTED', 'its pages have no text, only pictures: run a text recognition over it first');
    }
    const { info } = await pdf.getMetadata();
    const title = (info as { readonly Title?: unknown }).Title;
    return {
      text: pages.join('\n\n'),
      format: 'prose',
      title: typeof title === 'string' && title.trim() !== '' ? title.trim() : null,
      encoding: null,
    };
  } finally {
    await pdf.destroy();
  }
}

async function open(bytes: Uint8Array) {
  try {
    return await getDocumentProxy(bytes, {
      // Only errors: its warnings would go to the console.
      verbosity: 0,
      isEvalSupported: false,
      // Nothing is drawn, so nothing needs fonts of the system, pictures or anything of a network.
      useSystemFonts: false,
      disableFontFace: true,
      maxImageSize: 1,
      stopAtErrors: false,
      enableXfa: false,
    });
  } catch (error) {
    const { name, message } = error as Error;
    if (name === 'PasswordException') throw skip('DOCUMENT_UNREADABLE', 'it is encrypted', error);
    throw skip('DOCUMENT_UNREADABLE', `it is a damaged PDF (${message})`, error);
  }
}

/** A piece of text on a page, or a mark of the page's structure, which has no text. */
interface PdfItem {
  readonly str?: string;
  readonly hasEOL?: boolean;
  /** The last two are its place on the page, from the left and from below. */
  readonly transform?: readonly number[];
  readonly height?: number;
}

/** Lines as they stand; a larger step down begins a paragraph; a word cut at the end of a line is made whole. */
function pageText(items: readonly PdfItem[]): string {
  let text = '';
  let lineY: number | null = null;
  let lineHeight = 0;
  let ended = false;
  for (const { str = '', hasEOL = false, transform, height = 0 } of items) {
    if (str !== '') {
      const y = transform?.[5] ?? null;
      if (ended) {
        const step = lineY === null || y === null ? 0 : Math.abs(lineY - y);
        const tall = Math.max(lineHeight, height);
        if (tall > 0 && step > tall * 1.8) text += '\n\n';
        else if (/\p{Ll}-$/u.test(text.slice(-3)) && /^\p{Ll}/u.test(str)) text = text.slice(0, -1);
        else text += '\n';
        ended = false;
      }
      text += str;
      if (str.trim() !== '') {
        lineY = y;
        lineHeight = height;
      }
    }
    if (hasEOL && text !== '') ended = true;
  }
  return text.replace(/[ \t]+$/gmu, '').trim();
}
