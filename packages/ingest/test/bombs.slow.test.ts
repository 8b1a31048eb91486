import { deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { pdfOf } from './documents.ts';
import { folderWith, readAll } from './reading.ts';

/** A PDF of one page whose content unpacks to so many blanks. */
function pdfBomb(unpackedBytes: number): Buffer {
  const packed = deflateSync(Buffer.alloc(unpackedBytes, ' '), { level: 1 });
  const head = Buffer.from(
    `%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>\nendobj\n4 0 obj\n<< /Filter /FlateDecode /Length ${packed.length} >>\nstream\n`,
  );
  return Buffer.concat([head, packed, Buffer.from('\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n')]);
}

test('a PDF that unpacks to far more than is allowed is given up before it takes that memory', async () => {
  const cwd = await folderWith({ 'a.pdf': pdfBomb(600_000_000), 'b.pdf': pdfOf([['Sound.']]) });
  let most = 0;
  const before = process.memoryUsage.rss();
  const look = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss() - before);
  }, 20);
  const { skipped, documents } = await readAll(['.'], { cwd, limits: { extractMemoryMiBMax: 128 } });
  clearInterval(look);
  expect(skipped).toEqual([
    { path: 'a.pdf', code: 'DOCUMENT_TOO_LARGE', reason: 'turning it into text takes more memory than is allowed' },
  ]);
  expect(documents.map(({ text }) => text)).toEqual(['Sound.']);
  expect(most).toBeLessThan(450 * 1024 * 1024);
});
