import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isGemmaError, memoryDefaults } from '@gemma-cli/contracts';
import { expiryOf, recallScore } from '@gemma-cli/rag-core';
import { itUnless, missingUnix, seededRandom } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { openRecord, sqlDrivers } from '../src/index.ts';
import { add, capacityOf, documentOf, hashOf, sourceOf, start, there, withTrial, write } from './record-trial.ts';

const drivers = await sqlDrivers();

it('has Node’s own driver exactly where Node has SQLite, and the package’s everywhere here', () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const hasOwn = major > 22 || (major === 22 && minor >= 13);
  expect(drivers.map(({ name }) => name)).toEqual([...(hasOwn ? ['node:sqlite'] : []), '@photostructure/sqlite']);
});

it('loads no driver with a warning', async () => {
  const warnings: Error[] = [];
  const listen = (warning: Error): void => void warnings.push(warning);
  process.on('warning', listen);
  await sqlDrivers();
  await new Promise(setImmediate);
  process.off('warning', listen);
  expect(warnings).toEqual([]);
});

describe.each(drivers)('record on $name', (driver) => {
  describe('rows', () => {
    it('come back as they were added, after closing too', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const memory = {
          text: 'Grüße, \0 NUL and 🦉\n',
          title: 'Ein \0 Titel',
          tags: ['b', 'a', 'b', 'with "quotes", and \\'],
          source: sourceOf('file:///a.md', 'b', 3, 9),
          session: 'ses\0sion',
          writer: 'user',
          tier: 'semantic',
          importance: 0.123456789012345,
        } as const;
        const { number, row } = add(record, memory);
        expect(row).toEqual({
          ...memory,
          id: row.id,
          kind: 'memory',
          tags: ['a', 'b', 'with "quotes", and \\'],
          createdAt: start,
          updatedAt: start,
          accessedAt: start,
          accessCount: 0,
          expiresAt: null,
          seq: 1,
        });
        expect(row.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        record.close();
        const again = await open();
        expect(again.byId([row.id, 'no id', row.id.replace('7', '8')])).toEqual([
          { number, row },
          undefined,
          undefined,
        ]);
        expect(again.byNumber([number, number + 1])).toEqual([{ number, row }, undefined]);
      });
    });

    it('have the defaults of their tier', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        expect(add(record, { text: 'x' }).row).toMatchObject({
          tier: 'short_term',
          importance: memoryDefaults.importance,
          expiresAt: start + 3_600_000,
          title: null,
          tags: [],
          source: null,
          session: null,
          writer: null,
        });
        expect(add(record, { text: 'x', expiresAt: null }).row.expiresAt).toBe(null);
        expect(add(record, { text: 'x', expiresAt: start + 5 }).row.expiresAt).toBe(start + 5);
      });
    });

    it('keep halves of surrogate pairs as replacement characters of the same length', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const { row } = add(record, { text: 'a\uD83Eb', tags: ['\uDC00'] });
        expect(row.text).toBe('a\uFFFDb');
        expect(record.byId([row.id])[0]?.row).toEqual(row);
      });
    });

    it('get ids and numbers that grow, whatever the clock does, in every process’s turn', async () => {
      await withTrial(driver, async ({ open }) => {
        const [one, other] = [await open(), await open()];
        const rows = [start, start, start - 86_400_000, start + 1, start].flatMap((now) => [
          add(one, { text: 'x', tier: 'semantic' }, now),
          add(other, { text: 'x', tier: 'semantic' }, now),
        ]);
        expect(rows.map(({ number }) => number)).toEqual(rows.map((_, place) => place + 1));
        const ids = rows.map(({ row }) => row.id);
        expect(ids.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(ids);
        expect(new Set(ids).size).toBe(ids.length);
      });
    });

    it('never get a number again, nor an id', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const first = add(record, { text: 'x' });
        write(record, [{ type: 'remove', ids: [first.row.id], reason: 'forgotten' }]);
        record.close();
        const second = add(await open(), { text: 'y' });
        expect(second.number).toBeGreaterThan(first.number);
        expect(second.row.id > first.row.id).toBe(true);
      });
    });

    it.each([
      ['no text', { text: ' \n' }],
      ['a text that is too long', { text: 'x'.repeat(memoryDefaults.textCharsMax + 1) }],
      ['65 tags', { text: 'x', tags: Array.from({ length: 65 }, (_, place) => `t${place}`) }],
      ['an empty tag', { text: 'x', tags: [''] }],
      ['a tag of 129 characters', { text: 'x', tags: ['t'.repeat(129)] }],
      ['an unknown tier', { text: 'x', tier: 'forever' as 'working' }],
      ['an importance above 1', { text: 'x', importance: 1.01 }],
      ['an importance that is no number', { text: 'x', importance: Number.NaN }],
      ['an expiry that is no time', { text: 'x', expiresAt: Number.POSITIVE_INFINITY }],
      ['a hash that is none', { text: 'x', source: { uri: 'u', hash: 'abc', start: 0, end: 1 } }],
      ['a span that ends before it begins', { text: 'x', source: sourceOf('u', 'a', 2, 1) }],
      ['a source without an address', { text: 'x', source: sourceOf('') }],
    ])('are refused with %s', async (_, memory) => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        expect(() => add(record, memory)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
        expect(record.scan(0, 10)).toEqual([]);
        expect(record.seq()).toBe(0);
      });
    });
  });

  describe('groups', () => {
    it('are durable together or not at all, and a refused one leaves the others alone', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const results = record.commit([
          { now: start, writes: [{ type: 'add', memory: { text: 'one' } }] },
          {
            now: start,
            writes: [
              { type: 'add', memory: { text: 'two' } },
              { type: 'put-document', document: documentOf('d', ['x']) },
              { type: 'add', memory: { text: '' } },
            ],
          },
          { now: start, writes: [{ type: 'add', memory: { text: 'three' } }] },
        ]);
        expect(results.map((result) => (isGemmaError(result) ? result.code : 'done'))).toEqual([
          'done',
          'REQUEST_INVALID',
          'done',
        ]);
        expect(record.scan(0, 10).map(({ row }) => row.text)).toEqual(['one', 'three']);
        expect(record.documents('')).toEqual([]);
        expect(record.changes(0, 10).map(({ seq, type }) => [seq, type])).toEqual([
          [1, 'added'],
          [2, 'added'],
        ]);
        expect(record.stats(start)).toMatchObject({ rows: { total: 2 }, documents: 0, seq: 2 });
        expect(record.verify()).toEqual([]);
      });
    });
  });

  describe('updates', () => {
    it('change what is given, and their position', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const { row } = add(record, { text: 'x', title: '', tags: ['a'] });
        expect(row.title).toBe(null);
        const [result] = write(
          record,
          [{ type: 'update', id: row.id, changes: { text: 'y', tags: ['b'], importance: 1 } }],
          start + 1,
        );
        const changed = { ...row, text: 'y', tags: ['b'], importance: 1, updatedAt: start + 1, seq: 2 };
        expect(result?.rows.map(({ row }) => row)).toEqual([changed]);
        expect(record.byId([row.id])[0]?.row).toEqual(changed);
        expect(write(record, [{ type: 'update', id: row.id, changes: { title: 'T' } }])[0]?.rows[0]?.row.title).toBe(
          'T',
        );
        expect(record.changes(1, 10).map(({ type }) => type)).toEqual(['updated', 'updated']);
      });
    });

    it('change nothing where nothing differs, nothing is there, or what was there has expired', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const { row } = add(record, { text: 'x' });
        const update = (id: string, text: string, now: number) =>
          write(record, [{ type: 'update', id, changes: { text } }], now)[0]?.rows;
        expect(update(row.id, 'x', start + 1)?.map(({ row }) => row)).toEqual([row]);
        expect(update(row.id.replace('7', '8'), 'y', start)).toEqual([]);
        expect(update(row.id, 'y', there(row.expiresAt))).toEqual([]);
        expect(record.seq()).toBe(1);
      });
    });

    it('never shorten a life by moving up', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const late = start + 365 * 86_400_000;
        const moved = (changes: object, memory: object = {}) => {
          const { row } = add(record, { text: 'x', ...memory });
          return write(record, [{ type: 'update', id: row.id, changes }])[0]?.rows[0]?.row;
        };
        expect(moved({ tier: 'long_term' })?.expiresAt).toBe(expiryOf('long_term', start, record.tiers));
        expect(moved({ tier: 'long_term' }, { expiresAt: late })?.expiresAt).toBe(late);
        expect(moved({ tier: 'episodic' }, { expiresAt: null })?.expiresAt).toBe(null);
        expect(moved({ tier: 'semantic' })?.expiresAt).toBe(null);
        expect(moved({ tier: 'working' }, { tier: 'semantic' })?.expiresAt).toBe(start + 900_000);
        expect(moved({ tier: 'semantic', expiresAt: start + 7 })?.expiresAt).toBe(start + 7);
        expect(record.stats(start).rows.byTier).toEqual({
          working: 1,
          short_term: 0,
          long_term: 2,
          episodic: 1,
          semantic: 2,
        });
      });
    });

    it('of a document’s chunk change its tags alone', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const [put] = write(record, [{ type: 'put-document', document: documentOf('d', ['x']) }]);
        const { id } = there(there(put).rows[0]).row;
        const [tagged] = write(record, [{ type: 'update', id, changes: { tags: ['t'] } }]);
        expect(tagged?.rows[0]?.row).toMatchObject({ kind: 'document', tier: null, importance: null, tags: ['t'] });
        for (const changes of [{ text: 'y' }, { tier: 'semantic' as const }, { importance: 1 }, { expiresAt: 1 }]) {
          expect(() => write(record, [{ type: 'update', id, changes }])).toThrow(
            expect.objectContaining({ code: 'REQUEST_INVALID' }),
          );
        }
      });
    });
  });

  describe('documents', () => {
    it('replace what their source had, and leave memories of that source alone', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const memory = add(record, { text: 'said of it', source: sourceOf('doc:a') });
        write(record, [{ type: 'put-document', document: documentOf('doc:a', ['one', 'two']) }]);
        write(record, [{ type: 'put-document', document: documentOf('doc:b', ['other']) }]);
        const [again] = write(
          record,
          [{ type: 'put-document', document: documentOf('doc:a', ['new'], 'b') }],
          start + 1,
        );
        expect(again?.removed).toBe(2);
        expect(record.scan(0, 10).map(({ row }) => row.text)).toEqual(['said of it', 'other', 'new']);
        expect(record.documents('doc:')).toEqual([
          { uri: 'doc:a', hash: hashOf('b'), bytes: 3, chunks: 1, ingestedAt: start + 1 },
          { uri: 'doc:b', hash: hashOf('a'), bytes: 5, chunks: 1, ingestedAt: start },
        ]);
        expect(record.documents('doc:b').map(({ uri }) => uri)).toEqual(['doc:b']);
        expect(record.documents('%')).toEqual([]);
        const [removed] = write(record, [{ type: 'remove-documents', uris: ['doc:a', 'doc:a', 'doc:none'] }]);
        expect(removed?.removed).toBe(1);
        expect(record.byNumber([memory.number])[0]?.row.source).toEqual(sourceOf('doc:a'));
        expect(record.stats(start)).toMatchObject({
          documents: 1,
          rows: { byKind: { document: 1, memory: 1 } },
          removed: { replaced: 3, forgotten: 0 },
        });
        expect(record.verify()).toEqual([]);
      });
    });

    it('go with their last chunk, so that they are read again when they come again', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        write(record, [{ type: 'put-document', document: documentOf('d', ['one', 'two']) }]);
        const [one, two] = record.scan(0, 10);
        write(record, [{ type: 'remove', ids: [there(one).row.id], reason: 'forgotten' }]);
        expect(record.documents('')[0]?.chunks).toBe(1);
        write(record, [{ type: 'remove', ids: [there(two).row.id, there(two).row.id], reason: 'forgotten' }]);
        expect(record.documents('')).toEqual([]);
        expect(record.stats(start)).toMatchObject({ documents: 0, removed: { forgotten: 2 } });
      });
    });

    it('are refused with chunks of another source, or without any', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const document = documentOf('d', ['x']);
        for (const wrong of [
          { ...document, uri: 'e' },
          { ...document, hash: hashOf('c') },
          { ...document, chunks: [] },
          { ...document, bytes: -1 },
        ]) {
          expect(() => write(record, [{ type: 'put-document', document: wrong }])).toThrow(
            expect.objectContaining({ code: 'REQUEST_INVALID' }),
          );
        }
      });
    });
  });

  describe('tiers', () => {
    it('are not found from the moment of their expiry on, and swept when asked', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const { number, row } = add(record, { text: 'x', tier: 'working' });
        add(record, { text: 'y', tier: 'semantic' });
        const end = start + 900_000;
        const all = { filter: {}, afterId: null, limit: 10 };
        expect(record.matching({}, end - 1)).toHaveLength(2);
        expect(record.expired(end - 1)).toEqual([]);
        expect(record.matching({}, end)).toEqual([number + 1]);
        expect(record.expired(end)).toEqual([number]);
        expect(record.list({ ...all, now: end }).map(({ text }) => text)).toEqual(['y']);
        expect(record.stats(end)).toMatchObject({
          expired: 1,
          rows: { total: 1, byTier: { working: 0, semantic: 1 } },
        });
        expect(record.byId([row.id])[0]?.row.text).toBe('x');
        expect(write(record, [{ type: 'sweep' }], end)).toEqual([{ rows: [], removed: 1 }]);
        expect(record.byId([row.id])).toEqual([undefined]);
        expect(record.stats(end)).toMatchObject({ expired: 0, removed: { expired: 1 } });
        expect(record.changes(2, 10)).toMatchObject([{ type: 'removed', reason: 'expired', id: row.id, number }]);
      });
    });

    it('evict the row with the lowest recall score, the expired before all', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open({ tiers: capacityOf('episodic', 2) });
        add(record, { text: 'low', tier: 'episodic', importance: 0.1 });
        add(record, { text: 'high', tier: 'episodic', importance: 0.9 });
        const [third] = write(record, [{ type: 'add', memory: { text: 'mid', tier: 'episodic', importance: 0.5 } }]);
        expect(third?.removed).toBe(1);
        expect(record.scan(0, 9).map(({ row }) => row.text)).toEqual(['high', 'mid']);
        add(record, { text: 'short', tier: 'episodic', importance: 1, expiresAt: start + 1 });
        expect(record.scan(0, 9).map(({ row }) => row.text)).toEqual(['high', 'short']);
        add(record, { text: 'late', tier: 'episodic', importance: 0 }, start + 1);
        expect(record.scan(0, 9).map(({ row }) => row.text)).toEqual(['high', 'late']);
        expect(record.stats(start + 1).removed).toMatchObject({ evicted: 2, expired: 1 });
      });
    });

    it('evict what a scan of the whole tier would, seeded', async () => {
      const seed = 20_261_123;
      const random = seededRandom(seed);
      await withTrial(driver, async ({ open }) => {
        const capacity = 40;
        const record = await open({ tiers: capacityOf('episodic', capacity) });
        const model = new Map<number, { importance: number; accessedAt: number; accessCount: number }>();
        let now = start;
        for (let step = 0; step < 150; step += 1) {
          now += Math.floor(random() * 40_000_000);
          const importance = random() < 0.5 ? 0.5 : Math.floor(random() * 11) / 10;
          const known = [...model.keys()];
          if (known.length > 0 && random() < 0.5) {
            const number = there(known[Math.floor(random() * known.length)]);
            record.touch([there(record.byNumber([number])[0]).row.id], now);
            there(model.get(number)).accessCount += 1;
            there(model.get(number)).accessedAt = now;
          }
          const { number } = add(record, { text: `t${step}`, tier: 'episodic', importance }, now);
          model.set(number, { importance, accessedAt: now, accessCount: 0 });
          if (model.size > capacity) {
            const [worst] = [...model].toSorted(([one, a], [other, b]) => score(a, now) - score(b, now) || one - other);
            model.delete(there(worst)[0]);
          }
          expect(
            record.scan(0, 100).map(({ number }) => number),
            `seed ${seed} step ${step}`,
          ).toEqual([...model.keys()]);
        }
      });
      function score(row: { importance: number; accessedAt: number; accessCount: number }, now: number): number {
        return recallScore({ ...row, relevance: 0, idleMs: now - row.accessedAt });
      }
    });

    it('are merged as they are when they are merged: what was changed or forgotten since is left alone', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const ids = ['a', 'b', 'c', 'd'].map(
          (tag) => add(record, { text: 'same', tier: 'semantic', tags: [tag], importance: 0.5 }).row.id,
        );
        const [first = '', second = '', third = '', fourth = ''] = ids;
        record.touch([third, third, fourth], start + 1);
        write(record, [
          { type: 'update', id: second, changes: { text: 'corrected' } },
          { type: 'update', id: first, changes: { importance: 0.9 } },
          { type: 'remove', ids: [fourth], reason: 'forgotten' },
        ]);
        // These are not written yet.
        record.touch([first, third], start + 2);
        const [merged] = write(record, [{ type: 'merge', ids }]);
        const kept = { id: third, tags: ['a', 'c'], importance: 0.9, accessCount: 4, accessedAt: start + 2 };
        expect(merged).toMatchObject({ rows: [{ row: kept }], removed: 1 });
        expect(record.byId([third])).toMatchObject([{ row: kept }]);
        expect(record.byId(ids).map((found) => found?.row.text)).toEqual([undefined, 'corrected', 'same', undefined]);
        // Nobody is left to merge with, and what is gone does not take others with it.
        expect(write(record, [{ type: 'merge', ids }])).toEqual([{ rows: [], removed: 0 }]);
        write(record, [{ type: 'remove', ids: [third], reason: 'forgotten' }]);
        expect(write(record, [{ type: 'merge', ids }])).toEqual([{ rows: [], removed: 0 }]);
        expect(record.byId([second])[0]?.row.text).toBe('corrected');
      });
    });

    it('move up once from the tier that they were seen in, and only with what they have by then', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const { id } = add(record, { text: 'x', tier: 'working', importance: 0.9 }).row;
        const promote = { type: 'promote', id, from: 'working' } as const;
        expect(write(record, [promote, promote]).map(({ rows }) => rows[0]?.row.tier)).toEqual([
          'short_term',
          undefined,
        ]);
        write(record, [{ type: 'update', id, changes: { importance: 0.1 } }]);
        expect(write(record, [{ ...promote, from: 'short_term' }])[0]?.rows).toEqual([]);
        write(record, [{ type: 'remove', ids: [id], reason: 'forgotten' }]);
        expect(write(record, [{ ...promote, from: 'short_term' }])[0]?.rows).toEqual([]);
      });
    });

    it('are swept to their capacity when it was made smaller', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        for (let count = 0; count < 5; count += 1) add(record, { text: `${count}`, tier: 'semantic' });
        record.close();
        const smaller = await open({ tiers: capacityOf('semantic', 2) });
        expect(write(smaller, [{ type: 'sweep' }])[0]?.removed).toBe(3);
        expect(smaller.scan(0, 9).map(({ row }) => row.text)).toEqual(['3', '4']);
      });
    });
  });

  describe('filters', () => {
    it('pass rows that have everything that is asked for', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const numberOf = (memory: object, now = start) =>
          add(record, { text: 'x', tier: 'semantic', ...memory }, now).number;
        const a = numberOf({ tags: ['x', 'y'], importance: 0.2 });
        const b = numberOf({ tags: ['x"y', 'x,"y'], importance: 0.8 }, start + 10);
        const c = numberOf({ tags: ['y'], tier: 'episodic', source: sourceOf('file:///docs/a.md') }, start + 20);
        const [put] = write(
          record,
          [{ type: 'put-document', document: documentOf('file:///docs_a', ['z']) }],
          start + 30,
        );
        const d = there(there(put).rows[0]).number;
        const matching = (filter: object) => record.matching(filter, start + 40);
        expect(matching({})).toEqual([a, b, c, d]);
        expect(matching({ kind: 'memory' })).toEqual([a, b, c]);
        expect(matching({ kind: 'document' })).toEqual([d]);
        expect(matching({ tiers: ['semantic'] })).toEqual([a, b]);
        expect(matching({ tiers: [] })).toEqual([]);
        expect(matching({ tiers: ['semantic', 'episodic'] })).toEqual([a, b, c]);
        expect(matching({ tags: ['y'] })).toEqual([a, c]);
        expect(matching({ tags: ['x', 'y'] })).toEqual([a]);
        expect(matching({ tags: ['x"y'] })).toEqual([b]);
        expect(matching({ tags: [] })).toEqual([a, b, c, d]);
        expect(matching({ source: 'file:///docs' })).toEqual([c, d]);
        expect(matching({ source: 'file:///docs/' })).toEqual([c]);
        expect(matching({ source: 'file:///DOCS' })).toEqual([]);
        expect(matching({ since: start + 10 })).toEqual([b, c, d]);
        expect(matching({ until: start + 10 })).toEqual([a]);
        expect(matching({ importanceMin: 0.5 })).toEqual([b, c]);
        expect(matching({ kind: 'document', importanceMin: 0 })).toEqual([]);
        const [removed] = write(record, [{ type: 'remove-matching', filter: { tags: ['y'] }, reason: 'forgotten' }]);
        expect(removed?.removed).toBe(2);
        expect(matching({})).toEqual([b, d]);
      });
    });

    it('page through a list by id, none twice, new rows at the end', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const ids = Array.from({ length: 7 }, (_, place) => add(record, { text: `${place}`, tier: 'semantic' }).row.id);
        const page = (afterId: string | null) =>
          record.list({ filter: { kind: 'memory' }, afterId, limit: 3, now: start }).map(({ id }) => id);
        expect(page(null)).toEqual(ids.slice(0, 3));
        write(record, [{ type: 'remove', ids: [there(ids[2]), there(ids[4])], reason: 'forgotten' }]);
        const later = add(record, { text: 'later', tier: 'semantic' }).row.id;
        expect(page(there(ids[2]))).toEqual([ids[3], ids[5], ids[6]]);
        expect(page(there(ids[6]))).toEqual([later]);
        expect(() => page('x')).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
      });
    });
  });

  describe('namespaces', () => {
    it('never meet, though they share a file', async () => {
      await withTrial(driver, async ({ open }) => {
        const [one, other] = [await open(), await open({ namespace: 'other' })];
        const { number, row } = add(one, { text: 'x', tags: ['t'] });
        write(other, [{ type: 'put-document', document: documentOf('d', ['y']) }]);
        expect(other.byId([row.id])).toEqual([undefined]);
        expect(other.byNumber([number])).toEqual([undefined]);
        expect(other.matching({ tags: ['t'] }, start)).toEqual([]);
        expect(other.scan(0, 9).map(({ row }) => row.text)).toEqual(['y']);
        expect(one.documents('')).toEqual([]);
        expect([one.seq(), other.seq()]).toEqual([1, 1]);
        expect(write(other, [{ type: 'remove', ids: [row.id], reason: 'forgotten' }])[0]?.removed).toBe(0);
        one.putVectors('e', [{ number: number + 1, vector: new Float32Array([1]) }]);
        expect(other.vectors('e', 0, 9)).toEqual([]);
        expect(one.recordId).toBe(other.recordId);
      });
    });

    it.each(['', 'Upper', '-a', 'a/b', 'a'.repeat(65)])('refuse the name "%s"', async (namespace) => {
      await withTrial(driver, async ({ open }) => {
        await expect(open({ namespace })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      });
    });
  });

  describe('changes', () => {
    it('come in order, from a position on, at most so many', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const rows = ['a', 'b', 'c'].map((text) => add(record, { text }));
        write(record, [{ type: 'remove', ids: [there(rows[0]).row.id], reason: 'consolidated' }], start + 9);
        expect(record.changes(1, 2)).toEqual(
          [there(rows[1]), there(rows[2])].map(({ number, row }) => ({
            seq: row.seq,
            type: 'added',
            number,
            id: row.id,
            at: start,
            reason: null,
          })),
        );
        expect(record.changes(3, 9)).toEqual([
          {
            seq: 4,
            type: 'removed',
            number: there(rows[0]).number,
            id: there(rows[0]).row.id,
            at: start + 9,
            reason: 'consolidated',
          },
        ]);
        expect(record.changes(4, 9)).toEqual([]);
      });
    });

    it('are kept so many at least, and a reader further behind is told', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open({ changesKept: 40 });
        for (let count = 0; count < 50; count += 1) add(record, { text: `${count}`, tier: 'semantic' });
        expect(record.changes(10, 99).map(({ seq }) => seq)).toEqual(Array.from({ length: 40 }, (_, at) => at + 11));
        expect(() => record.changes(0, 99)).toThrow(
          expect.objectContaining({ code: 'MEMORY_CHANGES_GONE', facts: expect.objectContaining({ afterSeq: 0 }) }),
        );
        expect(record.scan(0, 99)).toHaveLength(50);
        expect(record.verify()).toEqual([]);
      });
    });

    it('tell a reader of a position that the record never had', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        expect(() => record.changes(1, 9)).toThrow(expect.objectContaining({ code: 'MEMORY_CHANGES_GONE' }));
      });
    });

    it('of another process are seen with the next call', async () => {
      await withTrial(driver, async ({ open }) => {
        const [one, other] = [await open(), await open()];
        const { row } = add(one, { text: 'x' });
        expect(other.seq()).toBe(1);
        expect(other.byId([row.id])[0]?.row).toEqual(row);
      });
    });
  });

  describe('accesses', () => {
    it('are seen at once, durable with the next commit, and no change of the record', async () => {
      await withTrial(driver, async ({ open }) => {
        const [record, other] = [await open(), await open()];
        const { row } = add(record, { text: 'x' });
        record.touch([row.id, row.id, 'none'], start + 5);
        const touched = { ...row, accessCount: 2, accessedAt: start + 5 };
        expect(record.byId([row.id])[0]?.row).toEqual(touched);
        expect(other.byId([row.id])[0]?.row).toEqual(row);
        add(record, { text: 'y' });
        expect(other.byId([row.id])[0]?.row).toEqual(touched);
        expect(record.byId([row.id])[0]?.row).toEqual(touched);
        expect(other.changes(1, 9)).toHaveLength(1);
      });
    });

    it('are durable when the record is closed', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const { row } = add(record, { text: 'x' });
        record.touch([row.id], start + 5);
        record.close();
        const again = await open();
        expect(again.byId([row.id])[0]?.row).toEqual({ ...row, accessCount: 1, accessedAt: start + 5 });
        expect(again.seq()).toBe(1);
      });
    });
  });

  describe('vectors', () => {
    it('are kept by embedder in the order in which they were put, and go with their text', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const [a, b, c] = ['a', 'b', 'c'].map((text) => add(record, { text, tier: 'semantic' }));
        const vectorOf = (...values: number[]) => new Float32Array(values);
        record.putVectors('e1', [
          { number: there(b).number, vector: vectorOf(0.25, -1) },
          { number: there(a).number, vector: vectorOf(1, 0) },
          { number: 99, vector: vectorOf(1, 0) },
        ]);
        record.putVectors('e2', [{ number: there(a).number, vector: vectorOf(1, 2, 3) }]);
        const first = record.vectors('e1', 0, 9);
        expect(first.map(({ number, vector }) => [number, ...vector])).toEqual([
          [there(b).number, 0.25, -1],
          [there(a).number, 1, 0],
        ]);
        expect(record.withoutVector('e1', 9).map(({ number }) => number)).toEqual([there(c).number]);
        record.putVectors('e1', [{ number: there(b).number, vector: vectorOf(0, 1) }]);
        expect(record.vectors('e1', there(first[1]).seq, 9).map(({ number }) => number)).toEqual([there(b).number]);
        expect(record.vectors('e1', 0, 1)).toHaveLength(1);
        write(record, [
          { type: 'update', id: there(a).row.id, changes: { text: 'new' } },
          { type: 'update', id: there(b).row.id, changes: { importance: 1 } },
        ]);
        expect(record.vectors('e1', 0, 9).map(({ number }) => number)).toEqual([there(b).number]);
        write(record, [{ type: 'remove', ids: [there(b).row.id], reason: 'forgotten' }]);
        expect(record.vectors('e1', 0, 9)).toEqual([]);
        expect(record.vectors('e2', 0, 9)).toEqual([]);
        expect(record.vectors('unknown', 0, 9)).toEqual([]);
        expect(() => {
          record.putVectors('e1', [{ number: there(a).number, vector: vectorOf(Number.NaN) }]);
        }).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
      });
    });
  });

  it('keeps no vector of words that a row no longer says', async () => {
    await withTrial(driver, async ({ open }) => {
      const [record, other] = [await open(), await open()];
      const { row, number } = add(record, { text: 'old', title: 'T', tier: 'semantic' });
      const vector = new Float32Array([1]);
      const put = (words: { readonly title: string | null; readonly text: string }) => {
        record.putVectors('e', [{ number, vector, words }]);
        return record.vectors('e', 0, 9).length;
      };
      write(other, [{ type: 'update', id: row.id, changes: { text: 'new' } }]);
      expect([put(row), put({ title: null, text: 'new' }), put({ title: 'T', text: 'ne' })]).toEqual([0, 0, 0]);
      expect(record.withoutVector('e', 9)).toHaveLength(1);
      expect(put({ title: 'T', text: 'new' })).toBe(1);
    });
  });

  describe('leases', () => {
    it('belong to one until released, run out, or the clock is set back', async () => {
      await withTrial(driver, async ({ open }) => {
        let now = start;
        const clock = () => now;
        const [one, other] = [await open({ now: clock }), await open({ now: clock, namespace: 'other' })];
        expect([one.lease('index', 100), other.lease('index', 100), other.lease('else', 100)]).toEqual([
          true,
          false,
          true,
        ]);
        now += 99;
        expect([one.lease('index', 100), other.lease('index', 100)]).toEqual([true, false]);
        other.release('index');
        now += 100;
        expect([other.lease('index', 100), one.lease('index', 100)]).toEqual([true, false]);
        now -= 86_400_000;
        expect([one.lease('index', 100), other.lease('index', 100)]).toEqual([true, false]);
        one.release('index');
        expect(other.lease('index', 100)).toBe(true);
      });
    });
  });

  describe('imports', () => {
    it('keep everything but the position, and leave what is there', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        add(record, { text: 'x', tags: ['t'], tier: 'semantic' });
        write(record, [{ type: 'put-document', document: documentOf('d', ['y']) }]);
        record.touch([there(record.scan(0, 1)[0]).row.id], start + 4);
        const rows = record.list({ filter: {}, afterId: null, limit: 9, now: start });
        const other = await open({ namespace: 'other' });
        add(other, { text: 'own', tier: 'semantic' }, start + 10);
        const writes = [
          { type: 'import-document', document: there(record.documents('')[0]) } as const,
          ...rows.toReversed().map((row) => ({ type: 'import', row }) as const),
        ];
        expect(write(other, writes, start + 20).flatMap(({ rows }) => rows)).toHaveLength(2);
        expect(
          other.list({ filter: {}, afterId: null, limit: 2, now: start }).map((row) => ({ ...row, seq: 0 })),
        ).toEqual(rows.map((row) => ({ ...row, seq: 0 })));
        expect(other.documents('')).toEqual(record.documents(''));
        expect(write(other, writes, start + 30).flatMap(({ rows }) => rows)).toEqual([]);
        expect(other.verify()).toEqual([]);
      });
    });

    it('refuse an id that is no UUID of version 7, and one that leaves no room above it', async () => {
      await withTrial(driver, async ({ open }) => {
        const record = await open();
        const { row } = add(record, { text: 'x' });
        for (const id of [
          'x',
          row.id.toUpperCase(),
          `${row.id.slice(0, 14)}4${row.id.slice(15)}`,
          `ffffffff-ffff${row.id.slice(13)}`,
        ]) {
          expect(() => write(record, [{ type: 'import', row: { ...row, id } }])).toThrow(
            expect.objectContaining({ code: 'REQUEST_INVALID' }),
          );
        }
      });
    });
  });

  describe('files', () => {
    itUnless(missingUnix, 'are for their owner alone', () =>
      withTrial(driver, async ({ folder, open }) => {
        const mask = process.umask(0);
        try {
          const record = await open();
          add(record, { text: 'x' });
          expect(statSync(folder).mode & 0o777).toBe(0o700);
          for (const name of readdirSync(folder)) {
            expect(statSync(join(folder, name)).mode & 0o077, name).toBe(0);
          }
        } finally {
          process.umask(mask);
        }
      }),
    );

    it('of another format are refused with what to do', async () => {
      await withTrial(driver, async ({ folder, open }) => {
        (await open()).close();
        const database = driver.open(join(folder, 'record.db'));
        database.exec("UPDATE meta SET value = '2' WHERE key = 'format'");
        database.close();
        await expect(open()).rejects.toMatchObject({
          code: 'MEMORY_FORMAT',
          message: expect.stringMatching(/format 2.*format 1.*export/s) as string,
        });
      });
    });

    it('of another program are refused', async () => {
      await withTrial(driver, async ({ folder, open }) => {
        mkdirSync(folder);
        const database = driver.open(join(folder, 'record.db'));
        database.exec('CREATE TABLE other (x)');
        database.close();
        await expect(open()).rejects.toMatchObject({ code: 'MEMORY_FORMAT' });
      });
    });

    it('that are no database are refused as damaged', async () => {
      await withTrial(driver, async ({ folder, open }) => {
        mkdirSync(folder);
        writeFileSync(join(folder, 'record.db'), 'x'.repeat(10_000));
        await expect(open()).rejects.toMatchObject({ code: 'MEMORY_DAMAGED' });
      });
    });

    it('that were moved away are made anew: nothing is written where nobody reads', async () => {
      await withTrial(driver, async ({ folder, open }) => {
        const record = await open();
        const before = record.recordId;
        add(record, { text: 'x' });
        renameSync(folder, `${folder}-old`);
        const { row } = add(record, { text: 'y' });
        expect(record.recordId).not.toBe(before);
        expect((await open()).byId([row.id])[0]?.row.text).toBe('y');
        expect(record.scan(0, 9).map(({ row }) => row.text)).toEqual(['y']);
        rmSync(`${folder}-old`, { recursive: true });
      });
    });

    it('have nothing of a forgotten text once they are closed, nor of one that was changed', async () => {
      await withTrial(driver, async ({ folder, open }) => {
        const record = await open();
        const secret = 'a very secret sentence';
        const rows = Array.from({ length: 20 }, (_, place) => add(record, { text: `${secret} ${place}` }).row);
        const has = () =>
          readdirSync(folder, { withFileTypes: true }).some(
            (file) => file.isFile() && readFileSync(join(folder, file.name)).includes(secret),
          );
        expect(has()).toBe(true);
        const [changed, ...gone] = rows.map(({ id }) => id);
        write(record, [
          { type: 'update', id: there(changed), changes: { text: 'harmless' } },
          { type: 'remove', ids: gone, reason: 'forgotten' },
        ]);
        record.close();
        expect(has()).toBe(false);
      });
    });

    it('need an absolute folder', async () => {
      await expect(openRecord({ folder: 'memory', driver })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    });
  });

  it('refuses everything once it is closed, and closes twice', async () => {
    await withTrial(driver, async ({ open }) => {
      const record = await open();
      record.close();
      record.close();
      const closed = expect.objectContaining({ code: 'MEMORY_CLOSED' });
      for (const call of [
        () => record.seq(),
        () => record.commit([]),
        () => record.byId(['x']),
        () => record.scan(0, 1),
        () => record.verify(),
        () => record.lease('x', 1),
      ]) {
        expect(call).toThrow(closed);
      }
    });
  });
});
