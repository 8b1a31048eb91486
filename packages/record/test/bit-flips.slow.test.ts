import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isGemmaError } from '@gemma-cli/contracts';
import type { RecordStore } from '@gemma-cli/contracts';
import { seededRandom, withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { openRecord, sqlDrivers } from '../src/index.ts';
import { add, documentOf, sourceOf, start, write } from './record-trial.ts';

/** `GEMMA_TEST_RUNS=1000` is the long form. */
const runs = Number(process.env['GEMMA_TEST_RUNS'] ?? 50);
const seed = Number(process.env['GEMMA_TEST_SEED'] ?? 20_261_123);

describe.each(await sqlDrivers())('a record on $name with one flipped bit', (driver) => {
  it(`gives no wrong answer without telling of damage, ${runs} flips`, { timeout: 300_000 + runs * 500 }, async () => {
    await withTemporaryFolder(async (folder) => {
      const random = seededRandom(seed);
      const whole = join(folder, 'whole');
      const record = await openRecord({ folder: whole, driver });
      fill(record);
      record.close();
      const again = await openRecord({ folder: whole, driver });
      const questions = questionsOf(again);
      const truth = answersOf(again, questions);
      again.close();
      const bytes = await readFile(join(whole, 'record.db'));
      const silent: string[] = [];
      const found = { unharmed: 0, atOnce: 0, byVerify: 0, refused: 0 };
      for (let run = 0; run < runs; run += 1) {
        const bit = Math.floor(random() * bytes.length * 8);
        const flipped = Buffer.from(bytes);
        flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
        const place = join(folder, `flip-${run}`);
        await mkdir(place);
        await writeFile(join(place, 'record.db'), flipped);
        const log: string[] = [];
        try {
          const record = await openRecord({ folder: place, driver, log: (line) => log.push(line) });
          const answers = answersOf(record, questions);
          const isWrong = answers.some(
            (answer, index) => answer !== truth[index] && !answer.startsWith('error MEMORY_'),
          );
          const hasFailed = answers.some((answer) => answer.startsWith('error MEMORY_'));
          if (!isWrong && !hasFailed && log.length === 0) found.unharmed += 1;
          else if (log.length > 0 || hasFailed) found.atOnce += 1;
          else if (toldByVerify(record)) found.byVerify += 1;
          else {
            const which = questions.filter((_, index) => answers[index] !== truth[index]);
            silent.push(`bit ${bit} (byte ${bit >>> 3}): ${which.map(({ name }) => name).join(', ')}`);
          }
          record.close();
        } catch (error) {
          if (!isGemmaError(error) || !error.code.startsWith('MEMORY_')) throw error;
          found.refused += 1;
        }
      }
      expect(silent, `seed ${seed}, ${JSON.stringify(found)}`).toEqual([]);
      expect(found.atOnce, `some flips hit what is read: ${JSON.stringify(found)}`).toBeGreaterThan(found.byVerify);
    });
  });
});

function fill(record: RecordStore): void {
  for (let round = 0; round < 30; round += 1) {
    add(record, {
      text: `Memory ${round}: ${'the quick brown fox jumps over the lazy dog. '.repeat(3)}`,
      title: round % 3 === 0 ? `Title ${round}` : null,
      tier: round % 2 === 0 ? 'semantic' : 'long_term',
      importance: round / 30,
      tags: round % 4 === 0 ? ['fourth', `t${round}`] : [],
      ...(round % 5 === 0 ? { source: sourceOf(`file:///notes/${round}.md`), session: 's', writer: 'user' } : {}),
    });
  }
  for (const name of ['a', 'b', 'c']) {
    const texts = Array.from(
      { length: 12 },
      (_, chunk) => `Chunk ${chunk} of ${name}. ${'Lorem ipsum dolor sit amet. '.repeat(6)}`,
    );
    write(record, [{ type: 'put-document', document: documentOf(`file:///docs/${name}.md`, texts) }]);
  }
  const [gone] = record.scan(3, 1);
  write(record, [{ type: 'remove', ids: [gone?.row.id ?? ''], reason: 'forgotten' }]);
  record.putVectors(
    'embedder',
    record
      .scan(0, 100)
      .map(({ number }) => ({ number, vector: Float32Array.from({ length: 16 }, (_, at) => number + at) })),
  );
}

interface Question {
  readonly name: string;
  ask(record: RecordStore): unknown;
}

function questionsOf(record: RecordStore): readonly Question[] {
  const rows = record.scan(0, 1_000);
  const last = rows.at(-1)?.number ?? 0;
  return [
    ...rows.map(({ number, row }) => ({ name: `byId ${number}`, ask: (asked: RecordStore) => asked.byId([row.id]) })),
    ...Array.from({ length: last + 1 }, (_, number) => ({
      name: `byNumber ${number}`,
      ask: (asked: RecordStore) => asked.byNumber([number]),
    })),
    { name: 'scan', ask: (asked) => asked.scan(0, 1_000) },
    { name: 'list', ask: (asked) => asked.list({ filter: {}, afterId: null, limit: 1_000, now: start }) },
    { name: 'tagged', ask: (asked) => asked.matching({ tags: ['fourth'] }, start) },
    { name: 'tiers', ask: (asked) => asked.matching({ tiers: ['semantic'], importanceMin: 0.5 }, start) },
    { name: 'kind', ask: (asked) => asked.matching({ kind: 'document', source: 'file:///docs/b' }, start) },
    { name: 'since', ask: (asked) => asked.matching({ since: start }, start) },
    { name: 'expired', ask: (asked) => asked.expired(start) },
    { name: 'documents', ask: (asked) => asked.documents('') },
    { name: 'changes', ask: (asked) => asked.changes(0, 1_000) },
    { name: 'stats', ask: (asked) => ({ ...asked.stats(start), bytes: 0 }) },
    { name: 'vectors', ask: (asked) => asked.vectors('embedder', 0, 1_000) },
  ];
}

function answersOf(record: RecordStore, questions: readonly Question[]): readonly string[] {
  return questions.map(({ ask }) => {
    try {
      return JSON.stringify(ask(record), (_, value: unknown) => (value instanceof Float32Array ? [...value] : value));
    } catch (error) {
      if (!isGemmaError(error)) throw error;
      return `error ${error.code}`;
    }
  });
}

function toldByVerify(record: RecordStore): boolean {
  try {
    return record.verify().length > 0;
  } catch (error) {
    if (!isGemmaError(error)) throw error;
    return error.code === 'MEMORY_DAMAGED';
  }
}
