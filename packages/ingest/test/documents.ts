import { crc32, deflateRawSync } from 'node:zlib';

/** An archive of these files, in their order. */
export function zipOf(
  files: Readonly<Record<string, string | Buffer>>,
  { wrongCrc = false, sizeSaid }: { readonly wrongCrc?: boolean; readonly sizeSaid?: number } = {},
): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [path, content] of Object.entries(files)) {
    const bytes = Buffer.from(content);
    // The first file of an EPUB is not packed, so that anybody can tell it.
    const stored = path === 'mimetype';
    const body = stored ? bytes : deflateRawSync(bytes);
    const name = Buffer.from(path);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(stored ? 0 : 8, 4);
    shared.writeUInt16LE(0x21, 8);
    shared.writeUInt32LE((crc32(bytes) ^ (wrongCrc ? 1 : 0)) >>> 0, 10);
    shared.writeUInt32LE(body.length, 14);
    shared.writeUInt32LE(sizeSaid ?? bytes.length, 18);
    shared.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), shared, name, body]);
    const entry = Buffer.alloc(14);
    entry.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\u0001\u0002'), Buffer.from([20, 0]), shared, entry, name]));
    locals.push(local);
    offset += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 4);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(list.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, list, Buffer.from('PK\u0005\u0006'), end]);
}

/** A paragraph of a word processor. */
export function wordParagraph(text: string, style?: string): string {
  const properties = style === undefined ? '' : `<w:pPr><w:pStyle w:val="${style}"/></w:pPr>`;
  return `<w:p>${properties}<w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`;
}

/** A document of a word processor with this body. */
export function docxOf(body: string, more: Readonly<Record<string, string>> = {}): Buffer {
  return zipOf({
    '[Content_Types].xml': '<Types/>',
    'word/document.xml': `<?xml version="1.0" encoding="UTF-8"?><w:document><w:body>${body}</w:body></w:document>`,
    ...more,
  });
}

/** A PDF whose pages have these lines, 14 points apart, and twice that where a line is empty. */
export function pdfOf(pages: readonly (readonly string[])[], title?: string): Buffer {
  const objects: string[] = ['<< /Type /Catalog /Pages 2 0 R >>', ''];
  const kids: string[] = [];
  objects.push('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>');
  for (const lines of pages) {
    const shown = lines.map((line) => `(${line.replace(/[\\()]/gu, '\\$&')}) Tj 0 -14 Td`).join('\n');
    const content = `BT /F1 12 Tf 72 720 Td\n${shown}\nET`;
    objects.push(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
    const resources = '/Resources << /Font << /F1 3 0 R >> >>';
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] ${resources} /Contents ${objects.length} 0 R >>`,
    );
    kids.push(`${objects.length} 0 R`);
  }
  objects[1] = `<< /Type /Pages /Kids [${kids.join(' ')}] /Count ${pages.length} >>`;
  if (title !== undefined) objects.push(`<< /Title (${title}) >>`);
  let file = '%PDF-1.4\n';
  const offsets: number[] = [];
  for (const [at, object] of objects.entries()) {
    offsets.push(file.length);
    file += `${at + 1} 0 obj\n${object}\nendobj\n`;
  }
  const start = file.length;
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`;
  file += offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const info = title === undefined ? '' : ` /Info ${objects.length} 0 R`;
  file += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R${info} >>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(file, 'latin1');
}

/** A book whose chapters are these pages. */
export function epubOf(title: string, chapters: readonly string[]): Buffer {
  const names = chapters.map((_chapter, at) => `c${at}.xhtml`);
  const items = names.map((name, at) => `<item id="i${at}" href="${name}" media-type="application/xhtml+xml"/>`);
  const order = names.map((_name, at) => `<itemref idref="i${at}"/>`);
  return zipOf({
    mimetype: 'application/epub+zip',
    'META-INF/container.xml': '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
    'OPS/book.opf': `<package><metadata><dc:title>${title}</dc:title></metadata><manifest>${items.join('')}</manifest><spine>${order.join('')}</spine></package>`,
    ...Object.fromEntries(chapters.map((chapter, at) => [`OPS/c${at}.xhtml`, `<html><body>${chapter}</body></html>`])),
  });
}
