import { describe, expect, test } from 'vitest';
import { folderWith, readAll, readOne } from './reading.ts';

describe('a parser', () => {
  test('that does not answer in time is given up with its document', async () => {
    // Nothing that needs a thread is done within a millisecond.
    const { skipped } = await readOne('a.json', '{"a": 1}', { limits: { extractMsMax: 1 } });
    expect(skipped).toEqual([
      { path: 'a.json', code: 'DOCUMENT_TOO_LARGE', reason: 'turning it into text took longer than 1 ms' },
    ]);
  });

  test('that needs too much memory is given up with its document, and the next one gets another', async () => {
    const cwd = await folderWith({
      'a.json': '{"b": 1}',
      'b.json': `[${'{"a":[1]},'.repeat(1_000_000)}1]`,
      'c.json': '{"c": 1}',
    });
    const { skipped, documents } = await readAll(['.'], { cwd, limits: { extractMemoryMiBMax: 24 } });
    expect(skipped).toEqual([
      { path: 'b.json', code: 'DOCUMENT_TOO_LARGE', reason: 'turning it into text takes more memory than is allowed' },
    ]);
    expect(documents.map(({ text }) => text)).toEqual(['b: 1', 'c: 1']);
  });

  test.each(['{"a": ', '{/*', '{"\\"', '[,'])('is not kept busy by %s again and again', async (piece) => {
    const { skipped } = await readOne('a.json', piece.repeat(500_000), { limits: { extractMsMax: 15_000 } });
    expect(skipped.map(({ code }) => code)).toEqual(['DOCUMENT_UNREADABLE']);
  });
});
