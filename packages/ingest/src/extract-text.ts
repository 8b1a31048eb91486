import { decodeText } from './decode-text.ts';
import type { ExtractedText, ExtractionJob } from './extracted-text.ts';
import { markdownTitle } from './formats/markdown.ts';

/**
 * Turns the bytes of a document into text. The library of a format is loaded when its first document comes.
 *
 * @throws GemmaError `DOCUMENT_UNREADABLE`, `DOCUMENT_UNSUPPORTED`, `DOCUMENT_TOO_LARGE`; other errors mean a damaged document.
 */
export async function extractText(job: ExtractionJob): Promise<ExtractedText> {
  switch (job.kind) {
    case 'text':
    case 'code': {
      const format = job.kind === 'code' ? 'code' : 'prose';
      return { ...(await decodeText(job.bytes, job.charset)), format, title: null };
    }
    case 'markdown': {
      const decoded = await decodeText(job.bytes, job.charset);
      return { ...decoded, format: 'markdown', title: markdownTitle(decoded.text) };
    }
    case 'html':
      return (await import('./formats/html.ts')).extractHtml(job);
    case 'pdf':
      return (await import('./formats/pdf.ts')).extractPdf(job);
    case 'docx':
      return (await import('./formats/docx.ts')).extractDocx(job);
    case 'csv':
      return (await import('./formats/csv.ts')).extractCsv(job);
    case 'json':
    case 'jsonl':
      return (await import('./formats/json.ts')).extractJson(job);
    case 'notebook':
      return (await import('./formats/notebook.ts')).extractNotebook(job);
    case 'epub':
      return (await import('./formats/epub.ts')).extractEpub(job);
    case 'mail':
      return (await import('./formats/mail.ts')).extractMail(job);
  }
}
