import { describe, expect, it } from 'vitest';
import { isGemmaError } from '@gemma-cli/contracts';
import { scriptedScore } from './scripted-model.ts';
import { tryEmbedder } from './embedder-trial.ts';
import type { EmbedderSubject, EmbedderTrial } from './embedder-trial.ts';
import { processRuns, until } from './until.ts';

/**
 * Declares the promises of embedders and rerankers as tests of one package, over the scripted worker. Call it at the top
 * of a test file.
 */
export function embedderConformance(subject: EmbedderSubject): void {
  const { createEmbedder, createReranker, keepsProcess } = subject;
  const promise = (title: string, body: (trial: EmbedderTrial) => Promise<void>): void => {
    it.concurrent(title, { timeout: 30_000 }, () => tryEmbedder(body));
  };

  describe(`${subject.name}: vectors`, () => {
    promise('gives one vector of length 1 per text, in order, whatever else is in the call', async (trial) => {
      const embedder = await trial.keep(createEmbedder(trial.options()));
      const texts = Array.from({ length: 70 }, (_, place) => `passage ${place} ${'word '.repeat(place % 7)}end`);
      const together = await embedder.embed(texts);
      expect(together).toHaveLength(texts.length);
      for (const vector of together) {
        expect(vector).toHaveLength(embedder.dimensions);
        expect(lengthOf(vector)).toBeCloseTo(1, 5);
      }
      const [alone] = await embedder.embed([texts[69] ?? '']);
      expect(alone).toEqual(together[69]);
      expect(new Set(together.map(String)).size).toBe(texts.length);
      // In several calls to the process, so that an abort need not wait for all of them.
      expect(trial.calls('embed').length).toBeGreaterThan(2);
    });

    promise('asks the process for a context that embeds', async (trial) => {
      await trial.keep(createEmbedder(trial.options()));
      expect(trial.calls('load')[0]).toMatchObject({ purpose: 'embed' });
    });

    promise('gives no vectors for no texts, without computing', async (trial) => {
      const embedder = await trial.keep(createEmbedder(trial.options()));
      expect(await embedder.embed([])).toEqual([]);
      expect(trial.calls('embed')).toEqual([]);
    });

    for (const [what, text] of [
      ['an empty text', ''],
      ['a text of spaces', ' \n\t\u3000'],
      ['a text of invisible marks', '\u200B\uFEFF\u200D'],
    ] as const) {
      promise(`refuses ${what} with its index, before anything is computed`, async (trial) => {
        const embedder = await trial.keep(createEmbedder(trial.options()));
        await expect(embedder.embed(['first', 'second', text])).rejects.toMatchObject({
          code: 'REQUEST_INVALID',
          facts: { index: 2 },
        });
        expect(trial.calls('embed')).toEqual([]);
      });
    }

    promise('refuses a text that is too long with its counts, and cuts it when asked', async (trial) => {
      const embedder = await trial.keep(createEmbedder(trial.options({ trainContextTokens: 33 })));
      const long = 'x'.repeat(40);
      await expect(embedder.embed(['short', long])).rejects.toMatchObject({
        code: 'CONTEXT_EXCEEDED',
        facts: { index: 1, promptTokens: 41, contextTokens: 33 },
      });
      expect(trial.calls('embed')).toEqual([]);
      const [whole, cut, beginning] = await embedder.embed(['short', long, 'x'.repeat(32)], { truncate: true });
      expect(cut).toEqual(beginning);
      expect(whole).not.toEqual(cut);
    });

    promise('refuses a model that is no embedding model when it is made, and says what to use', async (trial) => {
      const options = trial.options({ capabilities: { embeddings: false } });
      await expect(createEmbedder(options)).rejects.toMatchObject({
        code: 'OPTION_UNSUPPORTED',
        message: expect.stringContaining('embeddinggemma:300m'),
      });
      expect(trial.pids().filter((pid) => processRuns(pid))).toEqual([]);
    });

    promise('names what to use when the process itself refuses the model', async (trial) => {
      for (const [purpose, create, use] of [
        ['embed', createEmbedder, 'embeddinggemma:300m'],
        ['rank', createReranker, 'bge-reranker-v2-m3'],
      ] as const) {
        const facts = { purpose, architecture: 'gemma3' };
        const faults = [{ at: 'load', do: 'failure', code: 'MODEL_UNSUPPORTED', message: 'no', facts }] as const;
        await expect(create(trial.options({ faults }))).rejects.toMatchObject({
          code: 'OPTION_UNSUPPORTED',
          message: expect.stringContaining(use),
        });
      }
    });

    promise('a model file that is not there is MODEL_NOT_FOUND, and no process is started', async (trial) => {
      const model = { path: `${trial.path}.missing` };
      await expect(createEmbedder(trial.options({}, { model }))).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
      expect(trial.pids()).toEqual([]);
    });

    for (const [what, vectors, code] of [
      ['a vector with NaN', [floats(1, Number.NaN, 0, 0, 0, 0, 0, 0)], 'ENGINE_FAILED'],
      ['a vector with infinity', [floats(1, Number.POSITIVE_INFINITY, 0, 0, 0, 0, 0, 0)], 'ENGINE_FAILED'],
      ['a vector of zeros', [floats(0, 0, 0, 0, 0, 0, 0, 0)], 'ENGINE_FAILED'],
      ['a vector of another length', [floats(1, 0)], 'ENGINE_FAILED'],
      ['too few vectors', [], 'ENGINE_PROTOCOL'],
    ] as const) {
      promise(`${what} from the runtime is an error, and the next call is answered`, async (trial) => {
        const faults = [{ at: 'embed', do: 'result', result: { vectors }, process: keepsProcess ? 1 : 2 }] as const;
        const embedder = await trial.keep(createEmbedder(trial.options({ faults })));
        await expect(embedder.embed(['a text'])).rejects.toMatchObject({ code });
        expect(await embedder.embed(['a text'])).toHaveLength(1);
      });
    }
  });

  describe(`${subject.name}: models and ids`, () => {
    promise('puts before questions and passages what the model wants, by its name', async (trial) => {
      const path = await trial.writeModel('nomic-embed-text-v1.5.Q8_0.gguf', 'GGUF');
      const embedder = await trial.keep(createEmbedder(trial.options({}, { model: { path } })));
      await embedder.embed(['where?'], { kind: 'query' });
      await embedder.embed(['here.']);
      const texts = trial.calls('tokenize').map(({ input }) => (input as { readonly text: string }).text);
      expect(texts.slice(-2)).toEqual(['search_query: where?', 'search_document: here.']);
    });

    promise('puts nothing before the texts of MiniLM, and the prefixes that were given before any', async (trial) => {
      const path = await trial.writeModel('all-minilm-l6-v2-q8_0.gguf', 'GGUF');
      const plain = await trial.keep(createEmbedder(trial.options({}, { model: { path } })));
      const [question] = await plain.embed(['where?'], { kind: 'query' });
      const [passage] = await plain.embed(['where?']);
      expect(question).toEqual(passage);
      const own = { model: { path }, queryPrefix: 'Q ', documentPrefix: 'D ' };
      const prefixed = await trial.keep(createEmbedder(trial.options({}, own)));
      await prefixed.embed(['where?'], { kind: 'query' });
      expect(trial.calls('tokenize').at(-1)).toEqual({ input: { type: 'text', text: 'Q where?' } });
      expect(prefixed.embedId).not.toBe(plain.embedId);
    });

    promise(
      'cuts vectors to fewer dimensions where the model was trained for it, and makes them whole again',
      async (trial) => {
        const path = await trial.writeModel('embeddinggemma-300m.gguf', 'GGUF');
        const script = { embedding: { dimensions: 768, pooling: 'mean' } };
        const full = await trial.keep(createEmbedder(trial.options(script, { model: { path } })));
        const cut = await trial.keep(createEmbedder(trial.options(script, { model: { path }, dimensions: 128 })));
        expect([full.dimensions, cut.dimensions]).toEqual([768, 128]);
        expect(cut.embedId).not.toBe(full.embedId);
        const [[whole], [short]] = await Promise.all([full.embed(['a text']), cut.embed(['a text'])]);
        const beginning = (whole ?? new Float32Array()).subarray(0, 128);
        expect(lengthOf(short ?? new Float32Array())).toBeCloseTo(1, 5);
        for (const [place, value] of beginning.entries()) {
          expect(short?.[place]).toBeCloseTo(value / lengthOf(beginning), 5);
        }
        await expect(createEmbedder(trial.options(script, { model: { path }, dimensions: 100 }))).rejects.toMatchObject(
          { code: 'OPTION_UNSUPPORTED', message: expect.stringContaining('512, 256, 128') },
        );
        await expect(createEmbedder(trial.options(script, { model: { path }, dimensions: 769 }))).rejects.toMatchObject(
          { code: 'REQUEST_INVALID' },
        );
        await expect(createEmbedder(trial.options({}, { dimensions: 4 }))).rejects.toMatchObject({
          code: 'OPTION_UNSUPPORTED',
        });
      },
    );

    promise('the id is that of the content, wherever the file lies, and another for another model', async (trial) => {
      const same = await trial.writeModel('same.gguf', 'GGUF');
      const other = await trial.writeModel('other.gguf', 'GGUF of another training');
      const [first, second, third] = await Promise.all(
        [trial.path, same, other].map((path) =>
          trial.keep(createEmbedder(trial.options({}, { model: { path }, keepAliveMs: 0 }))),
        ),
      );
      expect(second?.embedId).toBe(first?.embedId);
      expect(third?.embedId).not.toBe(first?.embedId);
      const pooled = { embedding: { dimensions: 8, pooling: 'cls' } };
      const fourth = await trial.keep(createEmbedder(trial.options(pooled)));
      expect(fourth.embedId).not.toBe(first?.embedId);
    });

    promise('a model that was replaced under its path gives no vectors under the old id', async (trial) => {
      const embedder = await trial.keep(createEmbedder(trial.options({}, { keepAliveMs: 0 })));
      await trial.writeModel('scripted.gguf', 'GGUF of another training');
      await expect(embedder.embed(['a text'])).rejects.toMatchObject({
        code: 'ENGINE_LOAD_FAILED',
        message: expect.stringContaining('make a new one'),
      });
    });
  });

  describe(`${subject.name}: processes`, () => {
    promise('many calls at a time each get their own vectors', async (trial) => {
      const embedder = await trial.keep(createEmbedder(trial.options()));
      const texts = ['one', 'two', 'three', 'four'];
      const apart = await Promise.all(texts.map(async (text) => (await embedder.embed([text]))[0]));
      expect(apart).toEqual(await embedder.embed(texts));
      expect(trial.pids()).toHaveLength(keepsProcess ? 1 : 1 + texts.length + 1);
    });

    promise('an abort before and during a call is ABORTED, and the next call is answered', async (trial) => {
      const faults = [{ at: 'embed', do: 'delay', ms: 60_000, process: keepsProcess ? 1 : 2 }] as const;
      const embedder = await trial.keep(createEmbedder(trial.options({ faults }, { abortMsMax: 100 })));
      await expect(embedder.embed(['never'], { signal: AbortSignal.abort() })).rejects.toMatchObject({
        code: 'ABORTED',
      });
      const controller = new AbortController();
      const running = embedder.embed(['a text'], { signal: controller.signal });
      const failed = failureCode(running);
      await until('the process computes', () => trial.calls('embed').length > 0);
      controller.abort();
      expect(await failed).toBe('ABORTED');
      expect(await embedder.embed(['a text'])).toHaveLength(1);
    });

    promise('a process that dies in a call is a typed error, and the next call gets a fresh one', async (trial) => {
      const faults = [{ at: 'embed', do: 'exit', code: 7, process: keepsProcess ? 1 : 2 }] as const;
      const embedder = await trial.keep(createEmbedder(trial.options({ faults })));
      await expect(embedder.embed(['a text'])).rejects.toMatchObject({
        code: 'ENGINE_EXITED',
        facts: { exitCode: 7 },
      });
      expect(await embedder.embed(['a text'])).toHaveLength(1);
    });

    promise('closing fails what runs and what comes later with ENGINE_CLOSED, twice without harm', async (trial) => {
      const faults = [{ at: 'embed', do: 'delay', ms: 60_000 }] as const;
      const embedder = await trial.keep(createEmbedder(trial.options({ faults }, { abortMsMax: 100 })));
      const failed = failureCode(embedder.embed(['a text']));
      await until('the process computes', () => trial.calls('embed').length > 0);
      await embedder.close();
      expect(await failed).toBe('ENGINE_CLOSED');
      await expect(embedder.embed(['a text'])).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
      await embedder.close();
    });

    promise('one call more than may wait is ENGINE_BUSY', async (trial) => {
      const faults = [{ at: 'embed', do: 'delay', ms: 60_000, process: keepsProcess ? 1 : 2 }] as const;
      const options = trial.options({ faults }, { queueMax: 1, abortMsMax: 100 });
      const embedder = await trial.keep(createEmbedder(options));
      const controller = new AbortController();
      const { signal } = controller;
      const running = failureCode(embedder.embed(['one'], { signal }));
      await until('the process computes', () => trial.calls('embed').length > 0);
      const waiting = failureCode(embedder.embed(['two'], { signal }));
      await expect(embedder.embed(['three'])).rejects.toMatchObject({ code: 'ENGINE_BUSY' });
      controller.abort();
      expect(await Promise.all([running, waiting])).toEqual(['ABORTED', 'ABORTED']);
    });

    if (keepsProcess) {
      promise('calls that come while the model is loaded share the load', async (trial) => {
        const embedder = await trial.keep(createEmbedder(trial.options()));
        process.kill(trial.pids()[0] ?? 0, 'SIGKILL');
        await until('the process is gone', () => !processRuns(trial.pids()[0] ?? 0));
        const [first, second] = await Promise.all([embedder.embed(['a text']), embedder.embed(['a text'])]);
        expect(first).toEqual(second);
        expect(trial.pids()).toHaveLength(2);
      });

      promise('an abort of one call does not end the load that others wait for', async (trial) => {
        const faults = [{ at: 'load', do: 'delay', ms: 300, process: 2 }] as const;
        const embedder = await trial.keep(createEmbedder(trial.options({ faults })));
        process.kill(trial.pids()[0] ?? 0, 'SIGKILL');
        await until('the process is gone', () => !processRuns(trial.pids()[0] ?? 0));
        const controller = new AbortController();
        const left = failureCode(embedder.embed(['one'], { signal: controller.signal }));
        const stays = embedder.embed(['two']);
        await until('the second process loads', () => trial.calls('load').length === 2);
        controller.abort();
        await left;
        expect(await stays).toHaveLength(1);
        expect(trial.pids()).toHaveLength(2);
      });

      promise('an idle model is unloaded after keepAliveMs, and loaded again when it is asked', async (trial) => {
        const embedder = await trial.keep(createEmbedder(trial.options({}, { keepAliveMs: 20 })));
        await until('the model is unloaded', () => !processRuns(trial.pids()[0] ?? 0));
        expect(await embedder.embed(['a text'])).toHaveLength(1);
        expect(trial.pids()).toHaveLength(2);
      });

      promise('a process whose own memory grew past the limit is replaced', async (trial) => {
        const faults = [{ at: 'memory', do: 'result', result: { resident: 1, anonymous: 0 }, process: 1 }] as const;
        const embedder = await trial.keep(createEmbedder(trial.options({ faults }, { growthBytesMax: 2 ** 20 })));
        await until('the process that grew is gone', () => !processRuns(trial.pids()[0] ?? 0));
        expect(await embedder.embed(['a text'])).toHaveLength(1);
        expect(await embedder.embed(['a text'])).toHaveLength(1);
        expect(trial.pids()).toHaveLength(2);
      });
    }
  });

  describe(`${subject.name}: ranking`, () => {
    promise('gives each passage a score between 0 and 1, in order, higher for the better one', async (trial) => {
      const reranker = await trial.keep(createReranker(trial.options()));
      expect(trial.calls('load')[0]).toMatchObject({ purpose: 'rank' });
      const passages = Array.from({ length: 20 }, (_, place) => (place === 17 ? 'red green blue' : `red ${place}`));
      const scores = await reranker.rank('red green blue', passages);
      expect(scores).toHaveLength(20);
      for (const [place, score] of scores.entries()) {
        const logit = scriptedScore('red green blue', passages[place] ?? '');
        expect(score).toBeCloseTo(1 / (1 + Math.exp(-logit)), 9);
      }
      expect(scores.indexOf(Math.max(...scores))).toBe(17);
      expect(await reranker.rank('red', [])).toEqual([]);
    });

    promise('refuses a model without a ranking head when it is made', async (trial) => {
      const options = trial.options({ capabilities: { embeddings: true, ranking: false } });
      await expect(createReranker(options)).rejects.toMatchObject({ code: 'OPTION_UNSUPPORTED' });
      expect(trial.pids().filter((pid) => processRuns(pid))).toEqual([]);
    });

    promise('refuses a blank question and a blank passage with its index', async (trial) => {
      const reranker = await trial.keep(createReranker(trial.options()));
      await expect(reranker.rank(' ', ['x'])).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      await expect(reranker.rank('x', null as unknown as string[])).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      await expect(reranker.rank('x', ['y', ''])).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
        facts: { index: 1 },
      });
    });

    promise('a passage that is too long is refused, and cut when asked', async (trial) => {
      const reranker = await trial.keep(createReranker(trial.options({ trainContextTokens: 32 })));
      const passages = ['short', 'x'.repeat(64)];
      await expect(reranker.rank('red', passages)).rejects.toMatchObject({ code: 'CONTEXT_EXCEEDED' });
      expect(await reranker.rank('red', passages, { truncate: true })).toHaveLength(2);
    });

    promise('the index that the process tells counts the passages of the whole call', async (trial) => {
      const failure = { at: 'rank', do: 'failure', code: 'CONTEXT_EXCEEDED', message: 'too long' } as const;
      const passages = Array.from({ length: 12 }, (_, place) => `passage ${place}`);
      // The second one strikes in the second call to the process, which begins with the ninth passage.
      for (const [after, index] of [
        [0, 1],
        [1, 9],
      ] as const) {
        const faults = [{ ...failure, facts: { index: 1 }, after }];
        const reranker = await trial.keep(createReranker(trial.options({ faults })));
        await expect(reranker.rank('red', passages)).rejects.toMatchObject({ facts: { index } });
        expect(trial.calls('rank').at(-1)?.['passages'], 'the call that failed').toContain(passages[index]);
      }
    });
  });
}

/** The code that a call fails with; begun before it is awaited. */
async function failureCode(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'no failure';
  } catch (error) {
    return isGemmaError(error) ? error.code : String(error);
  }
}

function lengthOf(vector: Float32Array): number {
  return Math.hypot(...vector);
}

function floats(...values: readonly number[]): string {
  return Buffer.from(Float32Array.from(values).buffer).toString('base64');
}
