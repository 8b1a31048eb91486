import { describe, expect, test } from 'vitest';
import { GemmaError } from '@gemma-cli/contracts';
import { createToyEmbedder, type ToyEmbedder } from '@gemma-cli/testkit';
import { createRetrieval } from '../src/memory/index.ts';
import { tryMemory } from './memory-trial.ts';

/** Words that the toy embedder takes for the same: automobile and vehicle. */
const files = {
  'garage.md': 'The automobile insurance covers the garage at home.\n',
  'harbour.md': 'The vehicle insurance covers the harbour in winter.\n',
  'kitchen.md': 'Soup is cooked with salt and onions.\n',
};

test('words open the gate; what is nearer in meaning than what passed comes along, first', async () => {
  const embedder = createToyEmbedder();
  await tryMemory(async ({ memory, ingest }) => {
    await ingest(files);
    await memory.flush();
    const retrieval = createRetrieval({ memory });
    const asked = () => embedder.calls.filter(([text]) => text?.endsWith('?')).length;
    const textsOf = async (question: string, mode: 'auto' | 'on' = 'auto') =>
      (await retrieval.passages(question, { mode })).map(({ text }) => text.trim());
    // Nothing passes by its words: the embedding model is not asked.
    expect(await textsOf('Which vehicle won the race in Monaco yesterday?')).toEqual([]);
    expect(asked()).toBe(0);
    expect((await textsOf('Which automobile insurance covers the garage?'))[0]).toContain('automobile');
    expect(asked()).toBe(1);
    // Not a word of it, and still found where somebody insists.
    expect((await textsOf('sofa physician vehicle?', 'on'))[0]).toMatch(/automobile|vehicle/);
  }, embedder);
});

describe('a question that has too few words of a passage', () => {
  /** Enough rows for the nearest of them to say something. */
  const others = Object.fromEntries(
    Array.from({ length: 110 }, (_, n) => [`note${n}.md`, `Note ${n} speaks of the harvest in village${n}.\n`]),
  );
  const question = 'Which automobile insurance pays for hail?';

  test('gets it where meaning agrees: it is among the nearest 1 %', async () => {
    const embedder = createToyEmbedder();
    await tryMemory(async ({ memory, ingest }) => {
      await ingest({ ...others, ...files });
      const retrieval = createRetrieval({ memory });
      const textsOf = async () => (await retrieval.passages(question, { mode: 'auto' })).map(({ text }) => text.trim());
      await memory.flush();
      expect((await textsOf())[0]).toContain('automobile');
    }, embedder);
  });

  test('gets nothing without vectors, in a memory of a few rows, or where others are nearer', async () => {
    const passages = async (texts: Readonly<Record<string, string>>, embedder?: ToyEmbedder): Promise<number> => {
      let found = -1;
      await tryMemory(async ({ memory, ingest }) => {
        await ingest(texts);
        await memory.flush();
        found = (await createRetrieval({ memory }).passages(question, { mode: 'auto' })).length;
      }, embedder);
      return found;
    };
    expect(await passages({ ...others, ...files }), 'without vectors').toBe(0);
    expect(await passages(files, createToyEmbedder()), 'a few rows').toBe(0);
    // Nearer in meaning, and without a word of it.
    const nearer = Object.fromEntries(['a', 'b', 'c'].map((name) => [`${name}.md`, 'vehicle vehicle vehicle\n']));
    expect(
      await passages({ ...others, ...files, ...nearer }, createToyEmbedder({ dimensions: 1_024 })),
      'others are nearer',
    ).toBe(0);
  });
});

test('an embedding model that fails leaves what is found by words, and one line', async () => {
  const toy = createToyEmbedder();
  const embed: typeof toy.embed = (texts, options) => {
    if (options?.kind !== 'query') return toy.embed(texts, options);
    throw new GemmaError({ code: 'ENGINE_EXITED', message: 'It is gone.' });
  };
  await tryMemory(
    async ({ memory, ingest }) => {
      await ingest(files);
      await memory.flush();
      const log: string[] = [];
      const retrieval = createRetrieval({ memory, log: (line) => log.push(line) });
      const passages = await retrieval.passages('Which automobile insurance covers the garage?', { mode: 'auto' });
      expect(passages[0]?.text).toContain('automobile');
      expect(log).toEqual(['Passages are found by their words alone: It is gone.']);
    },
    { ...toy, embed },
  );
});

test('where no row has a vector, no embedding model is asked', async () => {
  const embedder = createToyEmbedder();
  await tryMemory(async ({ memory, ingest }) => {
    embedder.hold();
    await ingest(files);
    const passages = await createRetrieval({ memory }).passages('Which automobile insurance covers the garage?', {
      mode: 'on',
    });
    expect(passages[0]?.text).toContain('automobile');
    expect(embedder.calls.flat().filter((text) => text.endsWith('?'))).toEqual([]);
  }, embedder);
});
