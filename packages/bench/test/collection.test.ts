import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { markdownSections, readCollection } from '../src/index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gemma-collection-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

const whole = {
  'corpus.jsonl': '{"id":"1","title":"One","text":"first","group":"g"}\n{"id":2,"text":"second"}\n',
  'queries.jsonl': '{"id":"q","text":"which","group":"g","category":3}\n',
  'qrels.tsv': 'query-id\tdoc-id\tscore\nq\t1\t2\nq\t2\t0\n',
};

describe('readCollection', () => {
  test('reads entries, queries and judgements', async () => {
    write(whole);
    const { entries, queries, judgements } = await readCollection(folder);
    expect(entries).toEqual([
      { id: '1', title: 'One', text: 'first', group: 'g' },
      { id: '2', title: null, text: 'second', group: null },
    ]);
    expect(queries).toEqual([{ id: 'q', text: 'which', group: 'g', category: '3' }]);
    expect(judgements).toEqual(
      new Map([
        [
          'q',
          new Map([
            ['1', 2],
            ['2', 0],
          ]),
        ],
      ]),
    );
  });

  test('takes other judgements of the same folder', async () => {
    write({ ...whole, 'corrected.tsv': 'q\t2\t1\n' });
    const { judgements } = await readCollection(folder, { qrels: 'corrected.tsv' });
    expect(judgements).toEqual(new Map([['q', new Map([['2', 1]])]]));
  });

  test.each([
    ['a missing file', { 'corpus.jsonl': whole['corpus.jsonl'] }, /queries\.jsonl; it cannot be read/],
    ['a line that is no JSON', { ...whole, 'corpus.jsonl': '{"id":"1","text":"a"}\n{"id"\n' }, /corpus\.jsonl, line 2/],
    ['an id that a run cannot hold', { ...whole, 'queries.jsonl': '{"id":"q 1","text":"a"}' }, /without white space/],
    ['a query without text', { ...whole, 'queries.jsonl': '{"id":"q"}' }, /a query needs a text/],
    [
      'an id that is there twice',
      { ...whole, 'corpus.jsonl': '{"id":1,"text":"a"}\n{"id":"1","text":"b"}' },
      /"1" is there twice/,
    ],
    ['a judgement that is no number', { ...whole, 'qrels.tsv': 'q\t1\tgood\n' }, /qrels\.tsv, line 1/],
  ])('refuses %s with its place', async (_, files, message) => {
    write(files);
    await expect(readCollection(folder)).rejects.toThrow(message);
  });

  test('makes a collection of Markdown pages, and refuses a section that is not there', async () => {
    mkdirSync(join(folder, 'docs', 'deep'), { recursive: true });
    write({
      'docs/a.md': '# Page\n\nIntroduction.\n\n## Part\n\nText.\n\n## Empty\n\n### Inner `code`\n\nMore.\n',
      'docs/deep/b.md': '# Other\n\nElsewhere.\n',
      'collection.json': '{\n  "name": "small",\n  "pages": "docs"\n}\n',
      'questions.jsonl':
        '{"id":"q1","text":"what","category":"c","sections":{"a.md#inner-code":2,"deep/b.md#other":1}}\n',
    });
    const { name, entries, judgements } = await readCollection(folder);
    expect(name).toBe('small');
    expect(entries.map(({ id, title, text }) => [id, title, text])).toEqual([
      ['a.md#page', 'Page', 'Introduction.'],
      ['a.md#part', 'Page > Part', 'Text.'],
      ['a.md#inner-code', 'Page > Empty > Inner code', 'More.'],
      ['deep/b.md#other', 'Other', 'Elsewhere.'],
    ]);
    expect(judgements.get('q1')).toEqual(
      new Map([
        ['a.md#inner-code', 2],
        ['deep/b.md#other', 1],
      ]),
    );
    write({ 'questions.jsonl': '{"id":"q1","text":"what","category":"c","sections":{"a.md#gone":2}}\n' });
    await expect(readCollection(folder)).rejects.toThrow(/line 1: there is no section a\.md#gone/);
  });
});

describe('markdownSections', () => {
  test('a heading in a code block is none, and a second one of the same words gets a number', () => {
    const sections = markdownSections('p.md', '# A\n```sh\n# no heading\n```\n## B\nx\n<!-- # hidden -->\n## B\ny\n');
    expect(sections.map(({ id, headings }) => [id, headings])).toEqual([
      ['p.md#', []],
      ['p.md#a', ['A']],
      ['p.md#b', ['A', 'B']],
      ['p.md#b-1', ['A', 'B']],
    ]);
    expect(sections[1]?.text).toContain('# no heading');
    expect(sections[2]?.text).toBe('x');
  });

  test('sections are named as links to them are written', () => {
    const ids = markdownSections(
      'p.md',
      '## `--json`\n## [engine]\n## What it is: a **test**, (really)\n## A [link](b.md)\n',
    );
    expect(ids.slice(1).map(({ id }) => id)).toEqual([
      'p.md#--json',
      'p.md#engine',
      'p.md#what-it-is-a-test-really',
      'p.md#a-link',
    ]);
  });
});

describe('the collection of the project', () => {
  test('has at least 80 different questions of three kinds, each with a section that answers it and is there', async () => {
    const { queries, judgements, entries } = await readCollection(
      fileURLToPath(new URL('../collections/gemma-docs', import.meta.url)),
    );
    expect(new Set(queries.map(({ text }) => text.toLowerCase())).size).toBe(queries.length);
    expect(queries.length).toBeGreaterThanOrEqual(80);
    expect(new Set(queries.map(({ category }) => category))).toEqual(new Set(['identifier', 'keywords', 'question']));
    const known = new Set(entries.map(({ id }) => id));
    for (const { id } of queries) {
      const judged = [...(judgements.get(id) ?? [])];
      expect(
        judged.filter(([, grade]) => grade === 2),
        id,
      ).not.toHaveLength(0);
      for (const [section] of judged) expect(known, id).toContain(section);
    }
  });
});
