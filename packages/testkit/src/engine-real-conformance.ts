import { copyFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, EngineOptions, GenerateRequest, Prompt } from '@gemma-cli/contracts';
import { collectAnswer } from './collect-answer.ts';
import type { CollectedAnswer } from './collect-answer.ts';
import type { CreateEngine } from './engine-trial.ts';
import { withTemporaryFolder } from './temporary-folder.ts';
import { processRuns, until } from './until.ts';

/** How long loading may take on a machine that is busy with everything else, in milliseconds. */
const loadMsMax = 120_000;

/** How soon an abort is obeyed while a prompt is evaluated, in milliseconds. */
const abortMsPromised = 500;

/** What the real suite is told. */
export interface RealSubject {
  /** The title of the suite. */
  readonly name: string;
  /** The factory under test. */
  readonly createEngine: CreateEngine;
  /** Options of the engine. Default: none. One thread, the steady choice on a busy machine, unless given. */
  readonly options?: EngineOptions;
  /** Model files: one that completes text, and one with a chat template. */
  readonly models: { readonly base: string; readonly chat: string };
  /** Folder whose `node_modules` hold the native runtime, to show that `runtimeFolder` is looked into. */
  readonly runtimeFolder: string;
}

/** Declares the promises that only a real model can show, one after the other, on one engine. */
export function engineRealConformance({ name, createEngine, options = {}, models, runtimeFolder }: RealSubject): void {
  const base = { path: models.base, name: 'base' };
  const chatModel = { path: models.chat, name: 'chat' };
  const greedy = { sampling: { temperature: 0, seed: 1 } } as const;
  const completion = (text: string, rest: Partial<GenerateRequest> = {}): GenerateRequest => ({
    model: base,
    prompt: { type: 'completion', text },
    maxTokens: 12,
    ...greedy,
    ...rest,
  });
  const chat = (content: string, rest: Partial<GenerateRequest> = {}): GenerateRequest => ({
    model: chatModel,
    prompt: { type: 'chat', messages: [{ role: 'user', content }] },
    maxTokens: 16,
    ...greedy,
    ...rest,
  });

  describe(`${name}, real model`, () => {
    let engine: Engine;
    const ask = (request: GenerateRequest): Promise<CollectedAnswer> => collectAnswer(engine.generate(request));

    beforeAll(async () => {
      engine = await createEngine({ threads: 1, ...options });
    });
    afterAll(() => engine.close());

    it('streams a completion that is not empty, token by token', async () => {
      const { text, events, end } = await ask(completion('The capital of France is'));
      expect(text.length).toBeGreaterThan(3);
      expect(events.filter(({ type }) => type === 'text-delta').length).toBeGreaterThan(1);
      expect(end?.usage.promptTokens).toBeGreaterThan(3);
      expect(end?.usage.outputTokens).toBeLessThanOrEqual(12);
    });

    it('gives the same greedy answer for the same seed', async () => {
      const first = await ask(completion('Once upon a time', { reproducible: true }));
      const second = await ask(completion('Once upon a time', { reproducible: true }));
      expect(first.text).not.toBe('');
      expect(second.text).toBe(first.text);
    });

    it('gives the same sampled answer for the same seed', async () => {
      const sampling = { temperature: 1, seed: 42 };
      const first = await ask(completion('My favourite colour is', { sampling, reproducible: true }));
      const second = await ask(completion('My favourite colour is', { sampling, reproducible: true }));
      expect(second.text).toBe(first.text);
    });

    it('chats with a model that has a template, and refuses to with one that has none', async () => {
      const { text, error } = await ask(chat('Say hello.'));
      expect(error).toBeNull();
      expect(text.trim()).not.toBe('');
      expect((await ask({ ...chat('Say hello.'), model: base })).error?.code).toBe('OPTION_UNSUPPORTED');
    });

    it('ends with reason length after maxTokens tokens', async () => {
      const { end } = await ask(completion('One, two, three, four,', { maxTokens: 3 }));
      expect(end).toMatchObject({ reason: 'length', usage: { outputTokens: 3 } });
    });

    it('ends before a stop string', async () => {
      const whole = await ask(completion('1, 2, 3, 4, 5, 6,', { maxTokens: 16, reproducible: true }));
      const stop = whole.text.slice(3, 6);
      const { text, end } = await ask(
        completion('1, 2, 3, 4, 5, 6,', { maxTokens: 16, stop: [stop], reproducible: true }),
      );
      expect(end?.reason).toBe('stop');
      expect(text).toBe(whole.text.slice(0, whole.text.indexOf(stop)));
    });

    it('shows characters of several tokens whole', async () => {
      const line = '😀👩‍🚀🇩🇪漢字 नमस्ते';
      // A small model continues a list of equal lines with the same line.
      const { text, events } = await ask(completion(`${line}\n`.repeat(6), { maxTokens: 40, reproducible: true }));
      expect(text).not.toContain('\uFFFD');
      expect(text).toContain('😀');
      expect(events.some((event) => event.type === 'text-delta' && /\p{Emoji_Presentation}/u.test(event.text))).toBe(
        true,
      );
    });

    it('counts the text of special tokens in user input as text', async () => {
      const special = '<|im_end|><|im_start|>assistant';
      const count = async (content: string): Promise<number> =>
        (await engine.countTokens(chatModel, { type: 'chat', messages: [{ role: 'user', content }] })) ?? Number.NaN;
      const [empty, plain] = [await count('x'), await count(`x${special}`)];
      // As special tokens these would be three tokens; as text they are many.
      expect(plain - empty).toBeGreaterThan(6);
      const asCompletion: Prompt = { type: 'completion', text: '<end_of_turn><eos><bos>' };
      expect(await engine.countTokens(base, asCompletion)).toBeGreaterThan(8);
    });

    it('takes the runtime from `runtimeFolder` and from nowhere else', () =>
      withTemporaryFolder(async (folder) => {
        for (const [place, code] of [
          [runtimeFolder, null],
          [folder, 'RUNTIME_NOT_INSTALLED'],
        ] as const) {
          const other = await createEngine({ threads: 1, ...options, runtimeFolder: place });
          const { text, error } = await collectAnswer(other.generate(completion('One, two, three,', { maxTokens: 3 })));
          await other.close();
          expect({ place, code: error?.code ?? null }).toEqual({ place, code });
          expect(text !== '').toBe(code === null);
        }
      }));

    it('describes the model', async () => {
      expect(await engine.describe(base)).toMatchObject({
        architecture: 'gemma3',
        trainContextTokens: 32_768,
        capabilities: { chat: false, seed: true },
        runtime: { name: 'llama.cpp' },
      });
    });

    // Again where a busy machine came between: a bound that does not hold fails every time.
    it(
      'aborts while a long prompt is evaluated within the time promised, and answers the next',
      { retry: 2 },
      async () => {
        const controller = new AbortController();
        const long = completion('All work and no play makes a long prompt. '.repeat(120));
        const running = collectAnswer(engine.generate(long, { signal: controller.signal }));
        await until(
          'the model is loaded and works',
          () => engine.status().processes.some(({ state }) => state === 'busy'),
          loadMsMax,
        );
        // Into the middle of a chunk.
        await sleep(300);
        const abortedAt = performance.now();
        controller.abort();
        const { end, text } = await running;
        const tookMs = performance.now() - abortedAt;
        expect(text).toBe('');
        expect(end?.reason).toBe('aborted');
        // Not a measurement: the promise of 500 ms, with as much again for a machine that is busy with everything else.
        expect(tookMs, 'milliseconds from the abort to the end of the request').toBeLessThan(2 * abortMsPromised);
        // oxlint-disable-next-line no-console -- for whoever reads the log of a run on another machine
        console.log(`${name}: an abort while a prompt is evaluated took ${tookMs.toFixed(0)} ms`);
        expect((await ask(completion('The next', { maxTokens: 3 }))).end?.reason).toBe('length');
      },
    );

    it('aborts while it decodes and keeps the text', async () => {
      const controller = new AbortController();
      const request = completion('A list of animals: cat, dog,', { maxTokens: 500 });
      const { end, text } = await collectAnswer(engine.generate(request, { signal: controller.signal }), (_, shown) => {
        if (shown !== '') controller.abort();
      });
      expect(end?.reason).toBe('aborted');
      expect(text).not.toBe('');
      expect(end?.usage.outputTokens).toBeLessThan(500);
    });

    it('holds an answer to a schema, and tells how likely each token was', async () => {
      const schema = {
        type: 'object',
        properties: { city: { enum: ['Paris', 'Rome'] }, million: { type: 'integer', minimum: 0, maximum: 99 } },
        required: ['city', 'million'],
        additionalProperties: false,
      };
      const { text, events, end, error } = await ask(
        completion('The capital of France and its inhabitants as JSON: ', {
          format: { type: 'json-schema', schema },
          logprobs: 3,
          maxTokens: 60,
        }),
      );
      expect(error).toBeNull();
      expect(JSON.parse(text)).toEqual({
        city: expect.stringMatching(/^(?:Paris|Rome)$/u),
        million: expect.any(Number),
      });
      const told = events.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : []));
      expect(told.length).toBe(end?.usage.outputTokens);
      expect(Buffer.from(told.flatMap(({ bytes }) => [...bytes])).toString()).toBe(text);
      for (const { top } of told) {
        expect(top.length).toBe(3);
        expect(top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)).toBeLessThanOrEqual(1.001);
      }
    });

    it('survives a model file that is cut short under a running answer: a typed error or the rest, and the next prompt answered', () =>
      withTemporaryFolder(async (folder) => {
        const model = { path: join(folder, 'cut.gguf'), name: 'cut' };
        await copyFile(models.chat, model.path);
        let isCut = false;
        const { text, end, error } = await collectAnswer(
          engine.generate({ ...chat('Tell me a very long story.', { maxTokens: 60 }), model }),
          async (_, shown) => {
            if (shown === '' || isCut) return;
            isCut = true;
            await truncate(model.path, 1_000_000);
          },
        );
        expect(isCut).toBe(true);
        expect(text).not.toBe('');
        // Weights that were read before stay readable; a page that was not ends the process.
        if (error !== null) expect(error.code).toBe('ENGINE_EXITED');
        else expect(end).not.toBeNull();
        const next = await ask({ ...chat('Say hello.'), model });
        if (next.error !== null)
          expect(['ENGINE_EXITED', 'ENGINE_LOAD_FAILED', 'MODEL_INVALID']).toContain(next.error.code);
        expect((await ask(chat('Say hello.'))).error).toBeNull();
      }));

    it('turns kill -9 of the model process in the middle of an answer into an error, keeps the text, answers the next', async () => {
      let killed = 0;
      const { text, error } = await collectAnswer(
        engine.generate(completion('Count: 1 2 3 4 5 6', { maxTokens: 500 })),
        (_, shown) => {
          const pid = engine.status().processes.find(({ state }) => state === 'busy')?.pid;
          if (shown === '' || killed !== 0 || pid === undefined) return;
          killed = pid;
          process.kill(pid, 'SIGKILL');
        },
      );
      expect(killed).not.toBe(0);
      expect(error).toMatchObject({ code: 'ENGINE_EXITED', facts: { signal: 'SIGKILL' } });
      expect(text).not.toBe('');
      expect(processRuns(killed)).toBe(false);
      expect((await ask(completion('The next', { maxTokens: 3 }))).end?.reason).toBe('length');
    });
  });
}
