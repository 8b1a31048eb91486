import { cp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isGemmaError } from '@gemma-cli/contracts';
import type { MemoryStore } from '@gemma-cli/contracts';
import { describe, expect, it } from 'vitest';
import type { CrashModule } from './memory-crash-child.ts';
import { storyOf, takeStoryStep } from './memory-story.ts';
import { seededRandom } from './seeded-random.ts';
import { withTemporaryFolder } from './temporary-folder.ts';

/** A memory on whose disk bits flip. */
export interface MemoryFlipsSubject {
  /** The title of the suite. */
  readonly name: string;
  /** A module with `create` and `tend`, whose index is in many small pieces. */
  readonly module: URL;
  /** So many bits flip, one at a time. Default 50. */
  readonly flips?: number;
  readonly seed: number;
}

/** What a memory answered to all questions; an error by its code. */
type Answers = readonly string[];

/**
 * Declares that a memory with one flipped bit, in its record, its log or its index, answers as if there were none, or tells
 * that there is one.
 */
export function memoryFlips({ name, module, flips = 50, seed }: MemoryFlipsSubject): void {
  describe(name, () => {
    it(
      `gives no wrong answer without telling, ${flips} flips (seed ${seed})`,
      { timeout: 60_000 + flips * 2_000 },
      () =>
        withTemporaryFolder(async (folder) => {
          const { create, tend } = (await import(module.href)) as CrashModule;
          const closed = join(folder, 'closed');
          const killed = join(folder, 'killed');
          const store = await create({ folder: closed });
          for (const step of storyOf(seed)) {
            await takeStoryStep(store, step);
            if (step.type === 'tend') tend?.(store);
          }
          // What a process leaves that does not close: a copy of its files, with a log. An index would know of later changes.
          await cp(closed, killed, { recursive: true });
          await store.close();
          for (const place of [closed, killed]) await rm(join(place, 'record.users'), { recursive: true, force: true });
          for (const rest of ['record.db-shm', 'index']) await rm(join(killed, rest), { recursive: true, force: true });
          const questions = await questionsTo(create, closed, join(folder, 'asked'));

          const random = seededRandom(seed + 1);
          const one = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
          const silent: string[] = [];
          const found = { unharmed: 0, told: 0, byVerify: 0, refused: 0 };
          for (let flip = 0; flip < flips; flip++) {
            const isKilled = flip % 3 === 2;
            const place = join(folder, `flip-${flip}`);
            await cp(isKilled ? killed : closed, place, { recursive: true });
            const indexFiles = await readdir(join(closed, 'index', 'default'));
            const file = ['record.db', join('index', 'default', one(indexFiles)), 'record.db-wal'][flip % 3] ?? '';
            const bytes = await readFile(join(place, file));
            const bit = Math.floor(random() * bytes.length * 8);
            bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
            await writeFile(join(place, file), bytes);
            const told = await ask(create, place, questions);
            if (told === null) found.refused++;
            else {
              const wrong = questions.flatMap(({ text, answer }, index) =>
                told.answers[index] === answer || told.answers[index]?.startsWith('error ') === true ? [] : [text],
              );
              const hasFailed = told.answers.some((answer) => answer.startsWith('error '));
              if (wrong.length === 0 && !hasFailed && told.log.length === 0) found.unharmed++;
              else if (told.log.length > 0 || hasFailed) found.told++;
              else if (told.problems > 0) found.byVerify++;
              else silent.push(`bit ${bit} of ${file} (flip ${flip}): ${wrong.slice(0, 5).join(', ')}`);
            }
            await rm(place, { recursive: true, force: true });
          }
          expect(silent, `seed ${seed}, ${JSON.stringify(found)}`).toEqual([]);
          expect(found.told, `some flips hit what is read: ${JSON.stringify(found)}`).toBeGreaterThan(flips / 3);
        }),
    );
  });
}

interface Question {
  readonly text: string;
  readonly ask: (store: MemoryStore) => Promise<unknown>;
  readonly answer: string;
}

/** Every row, lists, documents, counts and searches, with their right answers. */
async function questionsTo(create: CrashModule['create'], from: string, place: string): Promise<readonly Question[]> {
  await cp(from, place, { recursive: true });
  const store = await create({ folder: place });
  const { rows } = await store.list({ limit: 1_000 });
  const words = ['shared', 'row3', 'step2 row0', 'step4', 'wordword7', ...rows.slice(0, 12).map(({ text }) => text)];
  const asks: readonly Omit<Question, 'answer'>[] = [
    ...rows.map(({ id }) => ({ text: `get ${id}`, ask: (asked: MemoryStore) => asked.get(id) })),
    ...words.map((query) => ({
      text: `search ${query}`,
      ask: async (asked: MemoryStore) =>
        (await asked.search({ query, limit: 50 })).hits.map(({ row, score }) => [row, score]),
    })),
    { text: 'documents', ask: (asked) => asked.documents() },
    { text: 'list', ask: (asked) => asked.list({ limit: 1_000 }) },
    { text: 'tagged', ask: (asked) => asked.list({ filter: { tags: ['g0'] } }) },
    { text: 'from a source', ask: (asked) => asked.list({ filter: { source: 'file:///docs/1' } }) },
    { text: 'changes', ask: (asked) => asked.changes({ afterSeq: 0, limit: 10_000 }) },
    { text: 'counts', ask: async (asked) => (await asked.stats()).rows },
  ];
  const questions: Question[] = [];
  for (const question of asks) questions.push({ ...question, answer: JSON.stringify(await question.ask(store)) });
  await store.close();
  return questions;
}

/** `null` = it did not open, and said that it is damaged. */
async function ask(
  create: CrashModule['create'],
  folder: string,
  questions: readonly Question[],
): Promise<{ readonly answers: Answers; readonly log: readonly string[]; readonly problems: number } | null> {
  const log: string[] = [];
  let store: MemoryStore;
  try {
    store = await create({ folder, log: (line) => log.push(line) });
  } catch (error) {
    if (codeOf(error).startsWith('MEMORY_')) return null;
    throw error;
  }
  try {
    const answers: string[] = [];
    for (const { ask: put } of questions) {
      try {
        answers.push(JSON.stringify(await put(store)));
      } catch (error) {
        if (!codeOf(error).startsWith('MEMORY_')) throw error;
        answers.push(`error ${codeOf(error)}`);
      }
    }
    // That a process did not close is no damage.
    const told = log.filter((line) => !line.includes('its file is in order'));
    return { answers, log: told, problems: (await store.verify()).length };
  } finally {
    await store.close();
  }
}

function codeOf(error: unknown): string {
  return isGemmaError(error) ? error.code : '';
}
