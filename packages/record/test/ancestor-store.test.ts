import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withTemporaryFolder } from '@gemma-cli/testkit';
import { expect, it } from 'vitest';
import { openRecord, readAncestorStore } from '../src/index.ts';
import { start, write } from './record-trial.ts';

const entry = {
  id: '0b8e2c4e-6d2f-4a39-9d0b-111111111111',
  content: 'The build needs Node 20.',
  memory_type: 'long_term',
  importance: 0.8,
  created_at: '2026-11-20T10:00:00.123456+00:00',
  last_accessed: '2026-11-20T10:00:00.123456+00:00',
  access_count: 0,
  tags: ['build', 'node'],
  metadata: {},
  embedding: [0.1, 0.2],
};

it('reads what the ancestor wrote, in the order of its making, and tells what it leaves out', async () => {
  await withTemporaryFolder(async (folder) => {
    const path = join(folder, 'embedded_store.json');
    const entries = [
      entry,
      {
        ...entry,
        content: 'Old and short-lived.',
        memory_type: 'working',
        created_at: '2026-01-01T00:00:00',
        importance: 7,
      },
      { ...entry, content: 'Of a tier that nobody knows.', memory_type: 'eternal', created_at: null, tags: 'none' },
      { ...entry, content: ' ' },
      'text',
      { ...entry, content: 'x'.repeat(100_001) },
    ];
    await writeFile(path, JSON.stringify(entries));
    const { memories, skipped } = await readAncestorStore(path, start);
    expect(memories).toEqual([
      {
        createdAt: Date.UTC(2026, 0, 1),
        memory: expect.objectContaining({
          text: 'Old and short-lived.',
          tier: 'working',
          importance: 1,
          expiresAt: null,
        }),
      },
      {
        createdAt: Date.UTC(2026, 10, 20, 10, 0, 0, 123),
        memory: {
          text: entry.content,
          tier: 'long_term',
          importance: 0.8,
          tags: ['build', 'node'],
          writer: 'gemma-cli (Python)',
          expiresAt: Date.UTC(2026, 10, 20, 10, 0, 0, 123) + 30 * 86_400_000,
        },
      },
      { createdAt: start, memory: expect.objectContaining({ tier: 'short_term', tags: [] }) },
    ]);
    expect(skipped).toEqual([
      'Entry 4: it has no content.',
      'Entry 5: it is not an object.',
      'Entry 6: its content is longer than 100000 characters; ingest it as a document.',
    ]);
    const record = await openRecord({ folder: join(folder, 'memory') });
    const results = write(
      record,
      memories.map(({ memory }) => ({ type: 'add', memory })),
    );
    expect(results.flatMap(({ rows }) => rows.map(({ row }) => row.text))).toHaveLength(3);
    record.close();
  });
});

it.each([
  ['no file', null, 'FILE_UNREADABLE'],
  ['no JSON', '[{', 'MEMORY_FORMAT'],
  ['no array', '{"word_index": {}}', 'MEMORY_FORMAT'],
])('refuses %s', async (_, content, code) => {
  await withTemporaryFolder(async (folder) => {
    const path = join(folder, 'embedded_store.json');
    if (content !== null) await writeFile(path, content);
    await expect(readAncestorStore(path, start)).rejects.toMatchObject({ code });
  });
});
