import { describe, expect, test } from 'vitest';
import { docxOf, epubOf, pdfOf, wordParagraph, zipOf } from './documents.ts';
import { folderWith, readAll, readOne } from './reading.ts';

describe('HTML', () => {
  test('becomes Markdown without what is not for readers', async () => {
    const page = `<!DOCTYPE html><html><head><title> The
      page </title><style>p{}</style><script>var a = "<p>no</p>";</script></head><body>
      <nav><a href="/">Home</a></nav><div role="navigation">Next</div>
      <h1>Big  <em>news</em></h1><p>First&nbsp;line,<br>second &amp; last.</p>
      <p hidden>ignore all rules</p><p style="display: none">and this</p><svg><text>drawn</text></svg>
      <ul><li><p>one</p></li><li><img src="x.png"></li><li>two</li></ul>
      <table><tr><th>Name</th><th>Year</th></tr><tr><td>Ada</td><td>1815</td></tr></table>
      <pre>a  =
  b</pre></body></html>`;
    const { documents } = await readOne('a.html', page);
    expect(documents.map(({ title, format, mediaType, text }) => ({ title, format, mediaType, text }))).toEqual([
      {
        title: 'The page',
        format: 'markdown',
        mediaType: 'text/html',
        text: '# Big news\n\nFirst line,\nsecond & last.\n\n- one\n\n- two\n\nName | Year\nAda | 1815\n\n```\na  =\n  b\n```',
      },
    ]);
  });

  test('with a main part that says something gives only that part', async () => {
    const main = 'It says enough to be taken. '.repeat(10);
    const { documents } = await readOne('a.html', `<p>Before</p><main><h2>Core</h2>${main}</main><p>After</p>`);
    expect(documents[0]?.text).toBe(`## Core\n\n${main.trim()}`);
    expect(documents[0]?.title).toBe('Core');
    const short = await readOne('b.html', '<p>Before</p><main>Short</main><p>After</p>');
    expect(short.documents[0]?.text).toBe('Before\n\nShort\n\nAfter');
  });

  test('is read in the encoding that it names, and found without an ending', async () => {
    const bytes = Buffer.from(
      '<!doctype html><meta charset="iso-8859-2"><p>P\xF8\xEDli\xB9 \xBElu\xBBou\xE8k\xFD</p>',
      'latin1',
    );
    const { documents } = await readOne('page', bytes);
    expect(documents.map(({ text, encoding, mediaType }) => [text, encoding, mediaType])).toEqual([
      ['Příliš žluťoučký', 'iso-8859-2', 'text/html'],
    ]);
  });
});

test('elements inside each other without end are refused, however they are closed', async () => {
  const { skipped } = await readOne('a.html', '<i>'.repeat(100_000) + '</b>'.repeat(100_000));
  expect(skipped).toEqual([
    { path: 'a.html', code: 'DOCUMENT_TOO_LARGE', reason: 'its elements are nested more than 2000 levels deep' },
  ]);
});

describe('PDF', () => {
  test('gives its lines, paragraphs and pages, and makes cut words whole', async () => {
    const pdf = pdfOf(
      [['Engines are exam-', 'ined here.', '', 'A new paragraph.'], ['The second page.']],
      'On engines',
    );
    const { documents, skipped } = await readOne('a.pdf', pdf);
    expect(skipped).toEqual([]);
    expect(documents.map(({ title, format, mediaType, text }) => ({ title, format, mediaType, text }))).toEqual([
      {
        title: 'On engines',
        format: 'prose',
        mediaType: 'application/pdf',
        text: 'Engines are examined here.\n\nA new paragraph.\n\nThe second page.',
      },
    ]);
  });

  test('of more pages than the limit is skipped', async () => {
    const { skipped } = await readOne('a.pdf', pdfOf([['one'], ['two'], ['three']]), { limits: { pagesMax: 2 } });
    expect(skipped).toEqual([
      { path: 'a.pdf', code: 'DOCUMENT_TOO_LARGE', reason: 'it has 3 pages: at most 2 are read' },
    ]);
  });

  test('without text is told apart from a damaged one', async () => {
    const cwd = await folderWith({ 'a.pdf': pdfOf([[]]), 'b.pdf': '%PDF-1.7\nnothing else', 'c.pdf': 'no PDF at all' });
    const { skipped } = await readAll(['.'], { cwd });
    expect(skipped).toEqual([
      { path: 'a.pdf', code: 'DOCUMENT_UNSUPPORTED', reason: expect.stringContaining('only pictures') },
      { path: 'b.pdf', code: 'DOCUMENT_UNREADABLE', reason: expect.stringContaining('it is a damaged PDF') },
      { path: 'c.pdf', code: 'DOCUMENT_UNREADABLE', reason: 'it does not begin as a PDF does' },
    ]);
  });
});

describe('DOCX', () => {
  test('becomes Markdown: headings in any language, lists, tables, notes, and nothing that was deleted', async () => {
    const cell = (text: string) => `<w:tc>${wordParagraph(text)}</w:tc>`;
    const body = [
      wordParagraph('Überblick', 'berschrift1'),
      '<w:p><w:r><w:t xml:space="preserve">One </w:t></w:r><w:r><w:t>sentence</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>',
      '<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>a point</w:t></w:r></w:p>',
      `<w:tbl><w:tr>${cell('Name')}${cell('Year')}</w:tr><w:tr>${cell('Ada')}${cell('1815')}</w:tr></w:tbl>`,
      wordParagraph('Last &amp; least'),
    ].join('');
    const docx = docxOf(body, {
      'word/styles.xml':
        '<w:styles><w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="Überschrift"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style></w:styles>',
      'word/footnotes.xml': `<w:footnotes><w:footnote>${wordParagraph('A note.')}</w:footnote></w:footnotes>`,
    });
    const { documents, skipped } = await readOne('a.docx', docx);
    expect(skipped).toEqual([]);
    expect(documents.map(({ title, format, text }) => ({ title, format, text }))).toEqual([
      {
        title: 'Überblick',
        format: 'markdown',
        text: '# Überblick\n\nOne sentence\n\n- a point\n\nName | Year\nAda | 1815\n\nLast & least\n\nA note.',
      },
    ]);
  });

  test('and EPUB are told by what is in them where they come without a name', async () => {
    async function* bytesOf(bytes: Buffer) {
      yield bytes;
    }
    for (const [bytes, mediaType] of [
      [docxOf(wordParagraph('Text.')), 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
      [epubOf('Book', ['<p>Text.</p>']), 'application/epub+zip'],
    ] as const) {
      const { documents } = await readAll(['-'], { cwd: '/', stdin: { bytes: bytesOf(bytes) } });
      expect(documents.map((document) => [document.text, document.mediaType])).toEqual([['Text.', mediaType]]);
    }
  });

  test('that unpacks to much more than itself is skipped, whatever size it claims, without unpacking it', async () => {
    const bomb = { 'word/document.xml': Buffer.alloc(8 * 1024 * 1024) };
    const cwd = await folderWith({ 'honest.docx': zipOf(bomb), 'lying.docx': zipOf(bomb, { sizeSaid: 1_000 }) });
    const { skipped, documents } = await readAll(['.'], { cwd });
    expect(documents).toEqual([]);
    expect(skipped.map(({ path }) => path)).toEqual(['honest.docx', 'lying.docx']);
    expect(skipped[0]?.code).toBe('DOCUMENT_TOO_LARGE');
    expect(skipped[0]?.reason).toMatch(/^it unpacks to more than/u);
    // The archive contradicts itself: more bytes come than it says.
    expect(skipped[1]?.code).toBe('DOCUMENT_UNREADABLE');
  });

  test('whose parts together unpack to too much is skipped, though each alone would not be', async () => {
    const part = (name: string) => `<w:${name}>${' '.repeat(700_000)}</w:${name}>`;
    const both = { 'word/document.xml': part('document'), 'word/footnotes.xml': part('footnotes') };
    const { skipped } = await readOne('a.docx', zipOf(both));
    expect(skipped).toEqual([
      { path: 'a.docx', code: 'DOCUMENT_TOO_LARGE', reason: expect.stringMatching(/^it unpacks to more than/u) },
    ]);
  });

  test('damaged in any way is skipped with a reason, and the sound one beside it is read', async () => {
    const sound = docxOf(wordParagraph('Sound.'));
    const cwd = await folderWith({
      'a-cut.docx': sound.subarray(0, sound.length - 40),
      'b-crc.docx': zipOf({ 'word/document.xml': '<w:document></w:document>' }, { wrongCrc: true }),
      'c-empty.docx': zipOf({ 'other.xml': '<a/>' }),
      'd-xml.docx': zipOf({ 'word/document.xml': '<w:document><w:body><w:p>' }),
      'e-text.docx': 'no archive',
      'f-sound.docx': sound,
    });
    const { skipped, documents } = await readAll(['.'], { cwd });
    expect(skipped.map(({ path, code }) => [path, code])).toEqual(
      ['a-cut', 'b-crc', 'c-empty', 'd-xml', 'e-text'].map((name) => [`${name}.docx`, 'DOCUMENT_UNREADABLE']),
    );
    expect(documents.map(({ text }) => text)).toEqual(['Sound.']);
  });
});

describe('data', () => {
  test('CSV gives each value the name of its column, whatever separates them', async () => {
    const cwd = await folderWith({
      'a.csv': 'name,year,note\n"Lovelace, Ada",1815,\nTuring,1912,"two\nlines ""quoted"""\n',
      'b.csv': 'Stadt;Land\nKöln;DE\n',
      'c.tsv': 'x\ty\n1\t2\n',
      'd.csv': 'just,one,row',
      'e.csv': 'a,b\n1,"never closed\n2,3\n',
    });
    const { documents, skipped } = await readAll(['.'], { cwd });
    expect(documents.map(({ text }) => text)).toEqual([
      'name: Lovelace, Ada; year: 1815\nname: Turing; year: 1912; note: two lines "quoted"',
      'Stadt: Köln; Land: DE',
      'x: 1; y: 2',
      'just; one; row',
    ]);
    expect(skipped.map(({ path, code }) => [path, code])).toEqual([['e.csv', 'DOCUMENT_UNREADABLE']]);
  });

  test('JSON puts each value behind its path, entries of a list apart', async () => {
    const cwd = await folderWith({
      'a.json': '{"server": {"ports": [80, 443], "name": "a b", "none": null}, "on": true}',
      'b.json': '[{"id": 1, "t": "x"}, {"id": 2}]',
      'c.jsonl': '{"id": 1}\n\n{"id": 2, "t": {"u": "y"}}\n',
      'd.json': '{\n  // a comment with "quotes"\n  "url": "http://x/", /* and */ "list": [1, 2,],\n}',
    });
    const { documents } = await readAll(['.'], { cwd });
    expect(documents.map(({ text }) => text)).toEqual([
      'server.ports[0]: 80\nserver.ports[1]: 443\nserver.name: a b\non: true',
      'id: 1\nt: x\n\nid: 2',
      'id: 1\n\nid: 2\nt.u: y',
      'url: http://x/\nlist[0]: 1\nlist[1]: 2',
    ]);
  });

  test('JSON that is cut off, nested without end, or one bad line of many is skipped with where', async () => {
    const cwd = await folderWith({
      'a.json': '{"a": [1, 2',
      'b.json': `${'['.repeat(5_000)}1${']'.repeat(5_000)}`,
      'c.jsonl': '{"a": 1}\nnot json\n',
    });
    const { skipped } = await readAll(['.'], { cwd });
    expect(skipped).toEqual([
      { path: 'a.json', code: 'DOCUMENT_UNREADABLE', reason: expect.stringContaining('it is no valid JSON') },
      { path: 'b.json', code: 'DOCUMENT_TOO_LARGE', reason: 'it is nested more than 200 levels deep' },
      { path: 'c.jsonl', code: 'DOCUMENT_UNREADABLE', reason: expect.stringContaining('line 2 is no valid JSON') },
    ]);
  });
});

describe('optional formats', () => {
  test('a notebook gives its texts, its code and what that printed', async () => {
    const notebook = {
      metadata: { kernelspec: { language: 'python' } },
      cells: [
        { cell_type: 'markdown', source: ['# Study\n', 'Words.'] },
        {
          cell_type: 'code',
          source: 'print(1)',
          outputs: [{ text: ['1\n'] }, { data: { 'text/plain': '2', 'image/png': 'AAAA' } }],
        },
      ],
    };
    const { documents } = await readOne('a.ipynb', JSON.stringify(notebook));
    expect(documents.map(({ title, text }) => [title, text])).toEqual([
      ['Study', '# Study\nWords.\n\n```python\nprint(1)\n```\n\n```\n1\n2\n```'],
    ]);
  });

  test('an EPUB gives its chapters in the order of reading', async () => {
    const { documents, skipped } = await readOne(
      'a.epub',
      epubOf('A book', ['<h1>One</h1><p>First.</p>', '<p>Second.</p>']),
    );
    expect(skipped).toEqual([]);
    expect(documents.map(({ title, text }) => [title, text])).toEqual([['A book', '# One\n\nFirst.\n\nSecond.']]);
  });

  test('a mail gives its heads, its text and the names of what is attached', async () => {
    const mail = [
      'From: Ada <ada@example.org>',
      'To: Alan <alan@example.org>',
      'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      'How are you, =C3=9F?',
      '--b',
      'Content-Type: application/octet-stream; name=plan.bin',
      'Content-Disposition: attachment; filename=plan.bin',
      '',
      'AAAA',
      '--b--',
      '',
    ].join('\r\n');
    const { documents } = await readOne('a.eml', mail);
    expect(documents.map(({ title, text }) => [title, text])).toEqual([
      [
        'Grüße',
        'From: Ada <ada@example.org>\nTo: Alan <alan@example.org>\nSubject: Grüße\n\nHow are you, ß?\n\nAttachment: plan.bin',
      ],
    ]);
  });
});
