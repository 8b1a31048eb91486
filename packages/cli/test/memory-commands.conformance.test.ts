import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ExportLine } from '@gemma-cli/contracts';
import { ingestCommand } from '../src/commands/ingest-command.ts';
import { memoryCommand } from '../src/commands/memory-command.ts';
import { exportFile } from '../src/commands/memory/export-file.ts';
import { readExport } from '../src/commands/memory/read-export.ts';
import { recallCommand } from '../src/commands/recall-command.ts';
import { searchCommand } from '../src/commands/search-command.ts';
import { commandWorld, type CommandOutcome, type CommandWorld } from './command-world.ts';

const legacy = { GEMMA_PERFORMANCE_USE_OPTIMIZED_RAG: 'false' };

/** A world with a folder of two documents. */
async function worldWithDocuments(): Promise<CommandWorld> {
  const world = await commandWorld();
  await mkdir(join(world.cwd, 'docs'));
  await writeFile(join(world.cwd, 'docs', 'tea.md'), '# Tea\n\nGreen tea is steeped at eighty degrees.\n');
  await writeFile(join(world.cwd, 'docs', 'coffee.md'), '# Coffee\n\nCoffee is brewed at ninety-four degrees.\n');
  return world;
}

function json(outcome: CommandOutcome): Record<string, unknown> {
  expect(outcome.error).toBeUndefined();
  return JSON.parse(outcome.stdout) as Record<string, unknown>;
}

describe('gemma ingest', () => {
  test('reads a folder, and a second time only what has changed; what vanished goes', async () => {
    const world = await worldWithDocuments();
    const first = json(await world.run(ingestCommand, ['docs', '--json']));
    expect(first).toMatchObject({ documents: 2, chunks: 2, unchanged: 0, removed: 0, skipped: [], bytes: 98 });
    expect(Object.keys(first).toSorted()).toEqual(
      ['documents', 'chunks', 'unchanged', 'removed', 'skipped', 'bytes', 'tookMs'].toSorted(),
    );
    await writeFile(join(world.cwd, 'docs', 'tea.md'), '# Tea\n\nBlack tea is steeped at ninety-five degrees.\n');
    await rm(join(world.cwd, 'docs', 'coffee.md'));
    await writeFile(join(world.cwd, 'docs', 'water.md'), 'Water boils at a hundred degrees.\n');
    expect(json(await world.run(ingestCommand, ['docs', '--json']))).toMatchObject({
      documents: 2,
      unchanged: 0,
      removed: 1,
    });
    expect(json(await world.run(ingestCommand, ['docs', '--json']))).toMatchObject({ documents: 0, unchanged: 2 });
    const { hits } = json(await world.run(searchCommand, ['green coffee', '--json']));
    expect(hits).toEqual([]);
  });

  test('a damaged file is told with its reason and does not stop the others; nothing at all is a failure', async () => {
    const world = await worldWithDocuments();
    await writeFile(join(world.cwd, 'docs', 'bad.pdf'), '%PDF-1.4\nnothing of a PDF');
    const outcome = await world.run(ingestCommand, ['docs', '--json']);
    expect(outcome.code).toBe(0);
    expect(json(outcome)).toMatchObject({ documents: 2, skipped: [{ path: join('docs', 'bad.pdf') }] });
    expect(outcome.stderr).toContain('bad.pdf');
    const nothing = await world.run(ingestCommand, ['nowhere.md', '--json']);
    expect(nothing.code).toBe(1);
    expect(json(nothing)).toMatchObject({ documents: 0, skipped: [{ path: 'nowhere.md', code: 'FILE_UNREADABLE' }] });
  });

  test('tells what it read back', async () => {
    const world = await worldWithDocuments();
    const { stderr, stdout } = await world.run(ingestCommand, ['docs']);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^2 documents in 2 chunks \(98 bytes\), 0 unchanged, 0 removed, 0 skipped, /m);
    expect(stderr).toContain('Read back: 2 documents, 2 chunks.');
  });

  test('an ingest that is stopped leaves whole documents, and the next one goes on', async () => {
    const world = await commandWorld();
    await mkdir(join(world.cwd, 'docs'));
    for (let number = 0; number < 40; number++)
      await writeFile(join(world.cwd, 'docs', `${number}.md`), `# Page ${number}\n\nWord${number} stands here.\n`);
    const stop = new AbortController();
    stop.abort();
    const stopped = await world.run(ingestCommand, ['docs'], { signal: stop.signal });
    expect(stopped.code).toBe(130);
    expect(json(await world.run(ingestCommand, ['docs', '--json']))).toMatchObject({ documents: 40, chunks: 40 });
    expect(json(await world.run(memoryCommand, ['verify', '--json']))).toMatchObject({ ok: true, problems: [] });
  });

  test('a page of this machine is read with --private alone, and what it redirects to on another address is not', async () => {
    const world = await commandWorld();
    const server = createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: 'http://127.0.0.2:1/page.html' }).end();
      else response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Wombats</h1><p>They dig at night.</p>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const page = `${origin}/page.html`;
    const refused = await world.run(ingestCommand, [page, '--json']);
    expect(refused.code).toBe(1);
    expect(json(refused)).toMatchObject({ documents: 0, skipped: [{ path: page, code: 'DOCUMENT_UNSUPPORTED' }] });
    expect(json(await world.run(ingestCommand, [page, '--private', '--json']))).toMatchObject({ documents: 1 });
    const { hits } = json(await world.run(searchCommand, ['wombats dig', '--source', origin, '--json']));
    expect(hits).toMatchObject([{ title: 'Wombats', source: { uri: page } }]);
    const moved = await world.run(ingestCommand, [`${origin}/moved`, '--private', '--json']);
    expect(json(moved)).toMatchObject({ documents: 0, skipped: [{ code: 'DOCUMENT_UNSUPPORTED' }] });
    expect(moved.stderr).toContain('127.0.0.2');
  });

  test('a stream or a page cannot be watched', async () => {
    const world = await commandWorld();
    expect((await world.run(ingestCommand, ['-', '--watch'])).error?.code).toBe('USAGE');
  });
});

describe('gemma search and gemma recall', () => {
  test('the shape of --json is documented, and what the implementation is makes no difference to the hits', async () => {
    const world = await worldWithDocuments();
    await world.run(ingestCommand, ['docs']);
    await world.run(memoryCommand, ['add', 'Ada drinks tea at four degrees', '--tier', 'semantic']);
    const optimized = json(await world.run(searchCommand, ['tea degrees', '--json', '--explain']));
    const scanned = json(await world.run(searchCommand, ['tea degrees', '--json', '--explain'], { env: legacy }));
    expect(Object.keys(optimized)).toEqual(['hits', 'memory', 'mode', 'cache', 'tookMs']);
    expect(optimized['memory']).toEqual({ backend: 'embedded', requested: 'optimized', active: 'optimized' });
    expect(scanned['memory']).toEqual({ backend: 'embedded', requested: 'legacy', active: 'legacy' });
    expect(scanned['hits']).toEqual(optimized['hits']);
    expect(optimized['hits']).toHaveLength(3);
    const [hit] = (optimized['hits'] as Record<string, unknown>[]).filter(({ kind }) => kind === 'document');
    expect(hit).toMatchObject({ kind: 'document', title: 'Tea', source: { start: 0 }, parts: { lexical: {} } });
    expect(Object.keys(hit?.['source'] as object).toSorted()).toEqual(['end', 'hash', 'start', 'uri']);
    expect(hit).not.toHaveProperty('tier');
  });

  test('filters by kind, tier, tag, source and time', async () => {
    const world = await worldWithDocuments();
    await world.run(ingestCommand, ['docs']);
    await world.run(memoryCommand, ['add', 'Tea for Ada', '--tag', 'people', '--tier', 'episodic']);
    const found = async (...filter: string[]): Promise<number> =>
      (json(await world.run(searchCommand, ['tea coffee', '--json', ...filter]))['hits'] as unknown[]).length;
    expect(await found()).toBe(3);
    expect(await found('--kind', 'document')).toBe(2);
    expect(await found('--tier', 'episodic')).toBe(1);
    expect(await found('--tier', 'working')).toBe(0);
    expect(await found('--tag', 'people')).toBe(1);
    expect(await found('--source', 'docs')).toBe(2);
    expect(await found('--source', join('docs', 'tea.md'))).toBe(1);
    expect(await found('--since', '1h')).toBe(3);
    expect(await found('--since', '2999-01-01')).toBe(0);
    expect((await world.run(searchCommand, ['tea', '--since', 'yesterday'])).error?.code).toBe('USAGE');
    expect((await world.run(searchCommand, ['tea', '--limit', '0'])).error?.code).toBe('USAGE');
    expect((await world.run(searchCommand, [' '])).error?.code).toBe('USAGE');
    expect((await world.run(searchCommand, ['x'.repeat(10_001)])).error?.message).toBe(
      'Expected query to be a text of 1..10000 characters, got one of 10001.',
    );
    await expect(world.run(searchCommand, ['tea', '--tier', 'episodic', '--tier', 'old'])).rejects.toThrow(
      "'old' is invalid. Allowed choices are working, short_term, episodic, long_term, semantic.",
    );
  });

  test('performance.shadow asks the other memory, too, and tells what came of it', async () => {
    const world = await worldWithDocuments();
    await world.run(ingestCommand, ['docs']);
    const env = { GEMMA_PERFORMANCE_SHADOW: '1' };
    const { stdout, stderr } = await world.run(searchCommand, ['tea', '--json', '--verbose'], { env });
    expect((JSON.parse(stdout) as { hits: unknown[] }).hits).toHaveLength(1);
    expect(stderr).toContain('Shadow: 1 of the searches of the optimized memory were compared with the legacy one: 0 ');
    expect(json(await world.run(memoryCommand, ['stats', '--json'], { env }))['shadow']).toMatchObject({ compared: 0 });
    expect((await world.run(searchCommand, ['tea', '--verbose'])).stderr).not.toContain('Shadow');
  });

  test('recall finds memories alone, and counts them as used', async () => {
    const world = await worldWithDocuments();
    await world.run(ingestCommand, ['docs']);
    const added = json(await world.run(memoryCommand, ['add', 'Ada prefers tea', '--tier', 'semantic', '--json']));
    const { id } = added['row'] as { id: string };
    const { hits } = json(await world.run(recallCommand, ['tea', '--json', '--explain'])) as { hits: unknown[] };
    expect(hits).toMatchObject([{ id, kind: 'memory', tier: 'semantic', parts: { recall: {} } }]);
    const { row } = json(await world.run(memoryCommand, ['show', id, '--json']));
    expect(row).toMatchObject({ id, accessCount: 1 });
  });

  test('without a model for vectors, a search by meaning says what it would need', async () => {
    const world = await worldWithDocuments();
    const { error } = await world.run(searchCommand, ['tea', '--mode', 'dense']);
    expect(error?.code).toBe('OPTION_UNSUPPORTED');
  });
});

describe('gemma memory', () => {
  test('adds, shows, changes and forgets', async () => {
    const world = await commandWorld();
    const { stdout } = await world.run(memoryCommand, [
      'add',
      'The',
      'release',
      'is',
      'on',
      'Friday',
      '--importance',
      '0.9',
    ]);
    const id = stdout.trim();
    const changed = json(
      await world.run(memoryCommand, ['update', id, '--tier', 'long_term', '--tag', 'work', '--json']),
    );
    expect(changed['row']).toMatchObject({
      id,
      text: 'The release is on Friday',
      tier: 'long_term',
      tags: ['work'],
      importance: 0.9,
      writer: 'user',
    });
    expect((await world.run(memoryCommand, ['show', id])).stdout).toContain('The release is on Friday');
    expect(json(await world.run(memoryCommand, ['forget', id, '--json']))).toMatchObject({ forgotten: 1 });
    expect((await world.run(memoryCommand, ['show', id])).error?.code).toBe('REQUEST_INVALID');
    expect((await world.run(memoryCommand, ['forget', id])).code).toBe(1);
    expect((await world.run(memoryCommand, ['forget'])).error?.code).toBe('USAGE');
    expect((await world.run(memoryCommand, ['update', id])).error?.code).toBe('USAGE');
    expect((await world.run(memoryCommand, ['add', ' '])).error?.code).toBe('USAGE');
  });

  test('remembers what is piped in, if it is text', async () => {
    const world = await commandWorld();
    const added = json(
      await world.run(memoryCommand, ['add', '-', '--json'], { piped: 'Ada prefers tea.\nSo does Bob.\n' }),
    );
    expect(added['row']).toMatchObject({ text: 'Ada prefers tea.\nSo does Bob.' });
    const bytes = { piped: Uint8Array.of(0xff, 0xfe, 0x41) };
    await expect(world.run(memoryCommand, ['add', '-'], bytes)).rejects.toThrow('it is not UTF-8 text');
    expect((await world.run(memoryCommand, ['add', '-'])).error?.code).toBe('USAGE');
    expect(json(await world.run(memoryCommand, ['stats', '--json']))).toMatchObject({ rows: { total: 1 } });
  });

  test('forgets what was read below a folder, and its documents with it', async () => {
    const world = await worldWithDocuments();
    await world.run(ingestCommand, ['docs']);
    expect(json(await world.run(memoryCommand, ['forget', '--source', 'docs', '--json']))).toMatchObject({
      forgotten: 2,
      documents: 2,
    });
    expect(json(await world.run(memoryCommand, ['stats', '--json']))).toMatchObject({
      documents: 0,
      rows: { total: 0 },
    });
    expect(json(await world.run(ingestCommand, ['docs', '--json']))).toMatchObject({ documents: 2 });
  });

  test('lists page by page', async () => {
    const world = await commandWorld();
    for (const text of ['one', 'two', 'three']) await world.run(memoryCommand, ['add', text]);
    const first = json(await world.run(memoryCommand, ['list', '--limit', '2', '--json']));
    expect(first['rows']).toMatchObject([{ text: 'one' }, { text: 'two' }]);
    const next = first['next'] as string;
    const second = json(await world.run(memoryCommand, ['list', '--cursor', next, '--json']));
    expect(second).toMatchObject({ rows: [{ text: 'three' }], next: null });
  });

  test('memories of one name never meet those of another', async () => {
    const world = await commandWorld();
    await world.run(memoryCommand, ['add', 'tea', '--memory', 'work']);
    expect(json(await world.run(searchCommand, ['tea', '--json']))['hits']).toEqual([]);
    expect(json(await world.run(searchCommand, ['tea', '--json', '--memory', 'work']))['hits']).toHaveLength(1);
    expect((await world.run(searchCommand, ['tea', '--memory', 'Not A Name'])).error?.code).toBe('REQUEST_INVALID');
  });

  test('stats have the same shape for both stores', async () => {
    const world = await worldWithDocuments();
    await world.run(ingestCommand, ['docs']);
    const shape = (value: unknown): unknown =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, shape(entry)]))
        : '';
    const optimized = json(await world.run(memoryCommand, ['stats', '--json']));
    const scanned = json(await world.run(memoryCommand, ['stats', '--json'], { env: legacy }));
    expect(shape(scanned)).toEqual(shape(optimized));
    expect(scanned['rows']).toEqual(optimized['rows']);
    expect((await world.run(memoryCommand, ['stats'])).stdout).toMatch(/^rows +2: 2 of 2 documents, 0 memories$/m);
  });

  test('an export is imported elsewhere under the same ids', async () => {
    const world = await worldWithDocuments();
    await world.run(ingestCommand, ['docs']);
    await world.run(memoryCommand, ['add', 'Ada prefers tea', '--tier', 'semantic']);
    const file = join(world.cwd, 'memory.jsonl');
    expect(json(await world.run(memoryCommand, ['export', file, '--json']))).toMatchObject({ rows: 3, file });
    expect((await world.run(memoryCommand, ['export', file])).error?.code).toBe('FILE_UNREADABLE');
    expect((await world.run(memoryCommand, ['export'])).stdout).toBe(await readFile(file, 'utf8'));
    const other = ['--memory', 'copy', '--json'];
    expect(json(await world.run(memoryCommand, ['import', file, ...other]))).toMatchObject({ added: 3, skipped: 0 });
    expect(json(await world.run(memoryCommand, ['import', file, ...other]))).toMatchObject({ added: 0, skipped: 3 });
    const hits = async (...more: string[]): Promise<unknown> =>
      (json(await world.run(searchCommand, ['tea', '--json', ...more]))['hits'] as { id: string }[]).map(
        ({ id }) => id,
      );
    expect(await hits('--memory', 'copy')).toEqual(await hits());
    await writeFile(file, 'not JSON\n');
    expect((await world.run(memoryCommand, ['import', file])).error?.code).toBe('REQUEST_INVALID');
  });

  test('an export that fails leaves no file behind', async () => {
    const world = await commandWorld();
    await world.run(memoryCommand, ['add', 'tea']);
    const stop = new AbortController();
    stop.abort();
    const file = join(world.cwd, 'memory.jsonl');
    expect((await world.run(memoryCommand, ['export', file], { signal: stop.signal })).code).toBe(130);
    expect((await world.run(memoryCommand, ['export', file])).code).toBe(0);
    await rm(file);
    const head: ExportLine = { type: 'head', format: 'gemma-memory', version: 1, namespace: 'default' };
    const lines = async function* (): AsyncGenerator<ExportLine> {
      yield head;
    };
    const full = async (...how: Parameters<typeof open>): ReturnType<typeof open> =>
      Object.assign(await open(...how), {
        write: () => Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })),
      });
    await expect(exportFile(file, lines(), full)).rejects.toMatchObject({ code: 'DISK_FULL', exitCode: 1 });
    await expect(stat(file)).rejects.toThrow('ENOENT');
    const failure = new Error('not of the file');
    const failing = async function* (): AsyncGenerator<ExportLine> {
      yield head;
      throw failure;
    };
    await expect(exportFile(file, failing())).rejects.toBe(failure);
    await expect(stat(file)).rejects.toThrow('ENOENT');
    const nowhere = join(world.cwd, 'nowhere', 'memory.jsonl');
    await expect(exportFile(nowhere, lines())).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });

  test('an import that is stopped does not wait for who writes the lines', async () => {
    const stop = new AbortController();
    const stream = new PassThrough();
    stream.write('{"type":"head"}\n');
    const lines = readExport(stream, { name: 'standard input', signal: stop.signal });
    expect(await lines.next()).toMatchObject({ value: { type: 'head' } });
    const next = lines.next();
    stop.abort();
    await expect(next).rejects.toMatchObject({ code: 'ABORTED' });
    expect(stream.destroyed).toBe(true);
  });

  test('an import that is refused lets go of who writes the lines', async () => {
    const { signal } = new AbortController();
    const read = (text: string): { stream: PassThrough; lines: ReturnType<typeof readExport> } => {
      const stream = new PassThrough();
      stream.write(text);
      return { stream, lines: readExport(stream, { name: 'standard input', signal }) };
    };
    const bad = read('not JSON\n');
    await expect(bad.lines.next()).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(bad.stream.destroyed).toBe(true);
    // Refused by the store, which reads no further.
    const unknown = read('{"type":"head"}\n');
    for await (const line of unknown.lines) {
      expect(line).toEqual({ type: 'head' });
      break;
    }
    expect(unknown.stream.destroyed).toBe(true);
  });

  test('what the Python version remembered is imported, the same file again adds nothing, and no tier is too small for it', async () => {
    const world = await commandWorld();
    const file = join(world.cwd, 'embedded_store.json');
    const made = '2026-10-01T10:00:00.123456+00:00';
    const entry = (content: string, tier: string): object => ({
      id: '6f1d2c3b-0000-4000-8000-000000000000',
      content,
      memory_type: tier,
      importance: 0.8,
      created_at: made,
      last_accessed: made,
      access_count: 0,
      tags: ['old'],
      metadata: {},
      embedding: [0.1],
    });
    const working = Array.from({ length: 20 }, (_, n) => entry(`working note number ${n}`, 'working'));
    await writeFile(file, JSON.stringify([entry('Ada prefers green tea', 'semantic'), ...working, { content: '' }]));
    const first = await world.run(memoryCommand, ['import', file, '--json']);
    expect(json(first)).toMatchObject({ added: 21, skipped: 0, moved: 5, leftOut: ['Entry 22: it has no content.'] });
    expect(first.stderr).toContain('5 had no room in their tier');
    const { hits } = json(await world.run(recallCommand, ['green tea', '--json'])) as {
      hits: Record<string, unknown>[];
    };
    expect(hits).toMatchObject([{ text: 'Ada prefers green tea', tier: 'semantic', tags: ['old'] }]);
    const { row } = json(await world.run(memoryCommand, ['show', String(hits[0]?.['id']), '--json']));
    expect(row).toMatchObject({ importance: 0.8, createdAt: Date.parse(made), writer: 'gemma-cli (Python)' });
    expect(json(await world.run(memoryCommand, ['stats', '--json']))).toMatchObject({
      rows: { total: 21, byTier: { working: 15, semantic: 6 } },
      removed: { evicted: 0 },
    });
    const again = json(await world.run(memoryCommand, ['import', file, '--json'], { env: legacy }));
    expect(again).toMatchObject({ added: 0, skipped: 21, moved: 0 });
    await writeFile(file, '[{"content": ');
    expect((await world.run(memoryCommand, ['import', file])).error?.code).toBe('MEMORY_FORMAT');
  });

  test('an export holds everything: imported elsewhere and exported again, it is the same', async () => {
    const world = await worldWithDocuments();
    await world.run(ingestCommand, ['docs']);
    await world.run(memoryCommand, ['add', 'Ada prefers tea', '--tier', 'semantic', '--tag', 'people']);
    await world.run(memoryCommand, ['add', 'Bob prefers coffee', '--importance', '0.9']);
    const [file, copy] = [join(world.cwd, 'one.jsonl'), join(world.cwd, 'other.jsonl')];
    await world.run(memoryCommand, ['export', file]);
    await world.run(memoryCommand, ['import', file, '--memory', 'copy'], { env: legacy });
    await world.run(memoryCommand, ['export', copy, '--memory', 'copy']);
    // The name of the memory, and the positions that rows have in a record, are its own.
    const lines = async (path: string): Promise<unknown> =>
      (await readFile(path, 'utf8'))
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => line.replace(/"seq":\d+/, '"seq":0'));
    expect(await lines(copy)).toEqual(await lines(file));
    expect(await lines(copy)).toHaveLength(6);
  });

  test('search, recall and every command of the memory take --json, --no-daemon and --memory', async () => {
    const world = await worldWithDocuments();
    await world.run(ingestCommand, ['docs', '--memory', 'work', '--json']);
    const shared = ['--json', '--no-daemon', '--memory', 'work'];
    const added = json(await world.run(memoryCommand, ['add', 'Ada prefers tea', ...shared]));
    const { id } = added['row'] as { id: string };
    expect(json(await world.run(searchCommand, ['tea', ...shared]))['hits']).toHaveLength(2);
    expect(json(await world.run(recallCommand, ['tea', ...shared]))['hits']).toHaveLength(1);
    const file = join(world.cwd, 'work.jsonl');
    for (const [name, ...argv] of [
      ['list'],
      ['show', id],
      ['update', id, '--importance', '0.4'],
      ['stats'],
      ['consolidate'],
      ['audit'],
      ['verify'],
      ['export', file],
      ['import', file],
      ['forget', id],
    ] as const) {
      const outcome = await world.run(memoryCommand, [name, ...argv, ...shared]);
      expect([name, json(outcome)['memory']]).toEqual([
        name,
        { backend: 'embedded', requested: 'optimized', active: 'optimized' },
      ]);
    }
    // Nothing of it went to the memory of no name.
    expect(json(await world.run(memoryCommand, ['list', '--json']))['rows']).toEqual([]);
  });

  test('audit tells duplicates, unused memories, changed sources and loops with their evidence', async () => {
    const world = await worldWithDocuments();
    await world.run(ingestCommand, ['docs']);
    const add = async (text: string): Promise<string> =>
      (await world.run(memoryCommand, ['add', text, '--tier', 'semantic'])).stdout.trim();
    const first = await add('The cat sat on the red mat by the old door');
    const second = await add('The cat sat on the red mat by the old door');
    await writeFile(join(world.cwd, 'docs', 'tea.md'), 'Changed.\n');
    await rm(join(world.cwd, 'docs', 'coffee.md'));
    const audit = json(await world.run(memoryCommand, ['audit', '--json']));
    expect(audit).toMatchObject({
      exactDuplicates: [{ ids: [first, second] }],
      neverRecalled: [{ id: first }, { id: second }],
      staleSources: [{ state: 'gone' }, { state: 'changed' }],
      recallLoops: [],
    });
    expect((await world.run(memoryCommand, ['audit'])).stdout).toContain('coffee.md is gone (1 chunk)');
  });

  test('consolidate tells what it did', async () => {
    const world = await commandWorld();
    await world.run(memoryCommand, ['add', 'important', '--importance', '0.9', '--tier', 'short_term']);
    expect(json(await world.run(memoryCommand, ['consolidate', '--json']))).toMatchObject({
      promoted: 1,
      merged: 0,
      expired: 0,
      evicted: 0,
    });
    expect(json(await world.run(memoryCommand, ['stats', '--json']))).toMatchObject({
      consolidation: { runs: 1, promoted: 1 },
    });
    expect((await world.run(memoryCommand, ['stats'])).stdout).toMatch(/^consolidated +1 time, 1 moved up, last 2/m);
  });
});
