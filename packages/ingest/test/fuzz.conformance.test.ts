import { join } from 'node:path';
import { mkdir, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanText } from '../src/clean-text.ts';
import { decodeText } from '../src/decode-text.ts';
import { ingestLimitDefaults } from '../src/index.ts';
import { extractText } from '../src/extract-text.ts';
import type { DocumentKind } from '../src/document-kind.ts';
import { docxOf, epubOf, pdfOf, wordParagraph } from './documents.ts';
import { folderWith, readAll } from './reading.ts';

// The seed of a failure is in its message, with the smallest input that fails.

const samples: Readonly<Record<Exclude<DocumentKind, 'text' | 'code' | 'markdown'>, { name: string; bytes: Buffer }>> =
  {
    html: {
      name: 'a.html',
      bytes: Buffer.from('<html><body><h1 class="x">A &amp; b</h1><ul><li>c<pre>d</pre></ul><table><td>e</table>'),
    },
    pdf: { name: 'a.pdf', bytes: pdfOf([['One line.', 'Another.'], ['Two.']], 'Title') },
    docx: { name: 'a.docx', bytes: docxOf(wordParagraph('Head', 'Heading1') + wordParagraph('Text.')) },
    csv: { name: 'a.csv', bytes: Buffer.from('a,b\n1,"2 ""x"""\n3,4\n') },
    json: { name: 'a.json', bytes: Buffer.from('{"a": [1, {"b": "c\\n"}], /* d */ "e": null,}') },
    jsonl: { name: 'a.jsonl', bytes: Buffer.from('{"a": 1}\n{"b": [2]}\n') },
    notebook: {
      name: 'a.ipynb',
      bytes: Buffer.from('{"cells": [{"cell_type": "code", "source": ["x"], "outputs": []}]}'),
    },
    epub: { name: 'a.epub', bytes: epubOf('Book', ['<p>One.</p>', '<p>Two.</p>']) },
    mail: {
      name: 'a.eml',
      bytes: Buffer.from('From: a@b.c\r\nSubject: x\r\nContent-Type: text/html\r\n\r\n<p>y</p>\r\n'),
    },
  };

/** Changes a few bytes, cuts the end off, or doubles a part. */
const changes = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 0.999, noNaN: true }),
    byte: fc.nat(255),
    kind: fc.constantFrom('set', 'cut', 'double'),
  }),
  { minLength: 1, maxLength: 4 },
);

function changed(bytes: Buffer, edits: readonly { at: number; byte: number; kind: string }[]): Buffer {
  let result = Buffer.from(bytes);
  for (const { at, byte, kind } of edits) {
    const place = Math.floor(at * result.length);
    if (kind === 'set' && result.length > 0) result[place] = byte;
    else if (kind === 'cut') result = result.subarray(0, place + 1);
    else result = Buffer.concat([result.subarray(0, place), result]);
  }
  return result;
}

test.each(Object.entries(samples))(
  '%s: a damaged document gives text or a reason, and nothing else',
  async (kind, { bytes }) => {
    await fc.assert(
      fc.asyncProperty(changes, async (edits) => {
        const job = {
          kind: kind as DocumentKind,
          bytes: new Uint8Array(changed(bytes, edits)),
          charset: null,
          limits: ingestLimitDefaults,
        };
        const answer = await extractText(job).catch((error: unknown) => error);
        expect(answer instanceof Error || typeof (answer as { text: unknown }).text === 'string').toBe(true);
      }),
      { numRuns: kind === 'pdf' ? 15 : 40 },
    );
  },
);

test('a folder of damaged documents is read to its end: each file is a document or skipped', async () => {
  const edits = fc.sample(changes, { numRuns: 40, seed: 7 });
  const cwd = await folderWith();
  const names: string[] = [];
  for (const [kind, { name, bytes }] of Object.entries(samples)) {
    await mkdir(join(cwd, kind));
    for (const [at, edit] of edits.slice(0, 4).entries()) {
      names.push(join(kind, `${at}-${name}`));
      await writeFile(join(cwd, kind, `${at}-${name}`), changed(bytes, edit));
    }
  }
  const { documents, skipped } = await readAll(['.'], { cwd });
  expect(documents.length + skipped.length).toBe(names.length);
});

test('decoding and cleaning take any bytes, keep every line, and leave nothing that nobody sees', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.option(fc.constantFrom('utf-8', 'latin1', 'gbk', 'nothing')),
      async (bytes, charset) => {
        const { text } = cleanText((await decodeText(bytes, charset)).text);
        expect(text).not.toMatch(/[^\P{Cc}\n\t]|[\u{E0000}-\u{E007F}\u202A-\u202E\u2066-\u2069]/u);
        expect(cleanText(text)).toEqual({ text, removed: 0 });
      },
    ),
    { numRuns: 200 },
  );
});
