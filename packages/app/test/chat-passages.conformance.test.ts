import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createConversationMemory, createRetrieval, ingestDocuments } from '../src/memory/index.ts';
import { statementsOf } from '../src/memory/statements.ts';
import { tryMemory } from './memory-trial.ts';

const labelled = new URL('labelled/', import.meta.url);

async function read<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(new URL(name, labelled), 'utf8')) as T;
}

interface Chats {
  /** What somebody said, and what he asks in a later chat. Written after the rule. */
  readonly statements: readonly { readonly said: string; readonly asked: string }[];
  /** What was asked of a model, some of it about the same things. Written after the rule. */
  readonly requests: readonly string[];
}

test(
  'what was said in a chat is found in the next, and what was only asked stands before at most 5 % of other prompts',
  () =>
    tryMemory(async ({ memory }) => {
      const { statements, requests } = await read<Chats>('chats.json');
      const seen = [
        ...(await read<string[]>('unrelated-prompts.json')),
        ...(await read<string[]>('unrelated-prompts-fresh.json')),
      ];
      for await (const _ of ingestDocuments(memory, ['docs'], {
        cwd: fileURLToPath(new URL('../../../', import.meta.url)),
      }));
      const chats = createConversationMemory({ memory });
      const { passages } = createRetrieval({ memory });
      /** Of each prompt the rows of chats that stand before it. */
      const said = async (prompts: readonly string[]): Promise<readonly (readonly string[])[]> => {
        const list: string[][] = [];
        for (const prompt of prompts) {
          const found = await passages(prompt, { mode: 'auto' });
          list.push(found.flatMap(({ session, text }) => (session === undefined ? [] : [text])));
        }
        return list;
      };
      const count = (list: readonly (readonly string[])[]): number => list.filter(({ length }) => length > 0).length;

      // Each prompt is asked in a chat, and all of them again in another one: nobody's own words help.
      const tell = async (texts: readonly string[], label: string): Promise<void> => {
        for (const [at, text] of texts.entries())
          await chats.add(`${label} ${at >> 2}`, [
            { writer: 'user', text },
            { writer: 'model', text: `Of course. ${text} Here is what I think of it.` },
          ]);
      };
      await tell(seen, 'seen');
      await tell(requests, 'fresh');
      await tell(
        statements.map((statement) => statement.said),
        'said',
      );
      const found = await said(statements.map(({ asked }) => asked));
      const right = statements.filter((statement, at) => found[at]?.includes(statement.said)).length;
      // Every third is enough: each costs a search for each of its words.
      const again = await said(seen.filter((_, at) => at % 3 === 0));
      const fresh = await said(requests);
      // oxlint-disable-next-line no-console -- the figures are what this test is asked for
      console.info(
        `passages of chats: before prompts whose like was only asked ${count(again)} of ${again.length}, ` +
          `of those written after the rule ${count(fresh)} of ${fresh.length}; ` +
          `statements found by a later question ${right} of ${statements.length}`,
      );
      expect(count([...again, ...fresh])).toBeLessThanOrEqual((again.length + fresh.length) * 0.05);
      expect(right).toBeGreaterThanOrEqual(statements.length * 0.7);
    }),
  120_000,
);

test('a statement is told from questions and requests, in English and by the mark elsewhere', () => {
  const of = (text: string, language = 'en') => statementsOf(text, language);
  expect(of('I live in Bergen. What is the weather like there? (Tell me!)')).toEqual(['I live in Bergen.']);
  expect(of('how do i sort a list\nMy list is long')).toEqual(['My list is long']);
  expect(of('Okay, please write a poem about my dog.')).toEqual([]);
  expect(of('Ich wohne in Graz. Wie ist das Wetter?', 'de')).toEqual(['Ich wohne in Graz.']);
  expect(of('猫の名前はミソです。猫の名前は？', 'ja')).toEqual(['猫の名前はミソです。']);
  expect(of('Use the metric system from now on.')).toEqual(['Use the metric system from now on.']);
});
