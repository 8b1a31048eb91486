import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LoadedModel, ResolvedSampling, WorkerOperations } from '@gemma-cli/contracts/worker-protocol';
import { llamaWorker, startModelProcess } from '@gemma-cli/model-process';
import type { CallOptions, ModelProcess } from '@gemma-cli/model-process';
import { describeUnless, realModel, samplingOff } from '@gemma-cli/testkit';

const greedy: ResolvedSampling = { ...samplingOff, temperature: 0, topK: 40, topP: 0.95, minP: 0.05, seed: 1 };

const place = { env: process.env, home: homedir() };
const gemma = (): string => realModel('gemma3:270m-base', place);
const smol = (): string => realModel('smollm2:135m', place);
/** Beside the checkout; other tests of it live with the embedder. */
const miniLm = join(import.meta.dirname, '../../../../shared/data/models/all-minilm-l6-v2-q8_0.gguf');

type LoadParams = WorkerOperations['load']['params'];
type GenerateParams = WorkerOperations['generate']['params'];
type Piece = { readonly token: number; readonly text: string } & Parameters<NonNullable<CallOptions['onPiece']>>[2];

const defaults: Omit<LoadParams, 'path'> = {
  contextTokens: 2048,
  sequences: 1,
  threads: 1,
  runtimeFolder: null,
  purpose: 'generate',
  compactCache: false,
};

/** A worker without a model. */
function start(): Promise<ModelProcess> {
  return startModelProcess({
    worker: llamaWorker,
    env: {},
    startMsMax: 60_000,
    silenceMsMax: 120_000,
    abortMsMax: 60_000,
    log: () => {},
  });
}

/** A worker with a model, and what tests do with it. */
interface Loaded {
  readonly process: ModelProcess;
  readonly model: LoadedModel;
  tokenize(text: string): Promise<readonly number[]>;
  /** Evaluates in chunks that end at multiples of `chunk`, from what the sequence holds on. */
  evaluate(sequence: number, tokens: readonly number[], from: number, chunk?: number): Promise<void>;
  truncate(sequence: number, tokens: number): Promise<number>;
  generate(
    tokens: readonly number[],
    params?: Partial<GenerateParams>,
    options?: CallOptions,
  ): Promise<{
    readonly text: string;
    readonly pieces: readonly Piece[];
    readonly result: WorkerOperations['generate']['result'];
  }>;
}

async function load(params: Pick<LoadParams, 'path'> & Partial<LoadParams>): Promise<Loaded> {
  const worker = await start();
  const model = await worker.call('load', { ...defaults, ...params });
  return {
    process: worker,
    model,
    async tokenize(text) {
      return (await worker.call('tokenize', { input: { type: 'text', text } })).tokens;
    },
    async evaluate(sequence, tokens, from, chunk = 128) {
      for (let at = from; at < tokens.length;) {
        const end = Math.min(tokens.length, (Math.floor(at / chunk) + 1) * chunk);
        await worker.call('evaluate', { sequence, tokens: tokens.slice(at, end), alone: true });
        at = end;
      }
    },
    async truncate(sequence, tokens) {
      return (await worker.call('truncate', { sequence, tokens })).kept;
    },
    async generate(tokens, overrides = {}, options = {}) {
      const pieces: Piece[] = [];
      const result = await worker.call(
        'generate',
        {
          sequence: 0,
          tokens,
          maxTokens: 16,
          sampling: greedy,
          alone: true,
          grammar: null,
          logprobs: null,
          speculation: null,
          ...overrides,
        },
        {
          ...options,
          onPiece(token, text, facts) {
            pieces.push({ token, text, ...facts });
            options.onPiece?.(token, text, facts);
          },
        },
      );
      return { text: pieces.map(({ text }) => text).join(''), pieces, result };
    },
  };
}

/** Batches that brought these pieces: those of one batch tell the same time, to the nanosecond. */
function batchesOf(pieces: readonly Piece[]): number {
  return pieces.filter(({ ms }, index) => index === 0 || ms !== pieces[index - 1]?.ms).length;
}

/** Words that repeat in no order, the same on every run. */
function words(count: number, seed: number): string {
  const list = 'river stone light garden winter letter copper window market silver engine forest'.split(' ');
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return list[(state >> 8) % list.length];
  }).join(' ');
}

describe('the llama.cpp worker with Gemma 3 270M, one sequence', () => {
  let worker: Loaded;
  const folder = mkdtempSync(join(tmpdir(), 'gemma-llama-worker-'));
  beforeAll(async () => {
    worker = await load({ path: gemma() });
  });
  beforeEach(() => worker.truncate(0, 0));
  afterAll(async () => {
    await worker?.process.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('tells what the model is', () => {
    expect(worker.model).toMatchObject({
      architecture: 'gemma3',
      contextTokens: 2048,
      trainContextTokens: 32_768,
      embedding: null,
      capabilities: { schema: true, logprobs: true, savedState: true, embeddings: false, chat: false },
    });
    expect(worker.model.runtime.version).toMatch(/3\.22\.1/);
  });

  it('knows that the base model has no chat template', async () => {
    await expect(
      worker.process.call('tokenize', { input: { type: 'chat', messages: [{ role: 'user', content: 'Hi' }] } }),
    ).rejects.toMatchObject({ code: 'OPTION_UNSUPPORTED' });
  });

  it('keeps text that looks like a special token as text', async () => {
    const [bos, ...rest] = await worker.tokenize('<start_of_turn>');
    expect(bos).toBe(2);
    // As a special token it would be one.
    expect(rest.length).toBeGreaterThan(1);
  });

  it('tells after each batch what it took, and counts what the sequence holds', async () => {
    const tokens = await worker.tokenize('The capital of France is');
    const evaluated = await worker.process.call('evaluate', { sequence: 0, tokens: tokens.slice(0, 3), alone: false });
    expect(evaluated).toMatchObject({ length: 3, batchTokens: 3 });
    expect(evaluated.ms).toBeGreaterThan(0);
    const { pieces, result } = await worker.generate(tokens.slice(3), { maxTokens: 5 });
    expect(result).toEqual({ reason: 'length', length: tokens.length + 4, draftedTokens: 0, acceptedTokens: 0 });
    expect(pieces.map(({ batchTokens }) => batchTokens)).toEqual([tokens.length - 3, 1, 1, 1, 1]);
    await worker.truncate(0, 0);
  });

  it('ends with the context, and refuses tokens that it has no room for', async () => {
    const small = await load({ path: gemma(), contextTokens: 256 });
    const tokens = (await small.tokenize(words(300, 1))).slice(0, 250);
    const { result } = await small.generate(tokens, { maxTokens: 100 });
    expect(result).toMatchObject({ reason: 'length', length: 256 });
    await expect(small.process.call('evaluate', { sequence: 0, tokens: [5], alone: false })).rejects.toMatchObject({
      code: 'CONTEXT_EXCEEDED',
    });
    await small.process.close();
  });

  it('stops between two batches when it is aborted, and goes on afterwards', async () => {
    const tokens = await worker.tokenize('Once upon a time');
    const abort = new AbortController();
    let count = 0;
    const { result } = await worker.generate(
      tokens,
      { maxTokens: 500 },
      {
        signal: abort.signal,
        onPiece: () => {
          count += 1;
          if (count === 3) abort.abort();
        },
      },
    );
    expect(result.reason).toBe('aborted');
    // The third token was on its way while the fourth was computed; nothing more was begun.
    expect(count).toBeLessThanOrEqual(5);
    expect(result.length).toBeLessThanOrEqual(tokens.length + count);
    await worker.truncate(0, 0);

    const prompt = (await worker.tokenize(words(1500, 2))).slice(0, 1400);
    const early = new AbortController();
    const evaluation = worker.process.call(
      'evaluate',
      { sequence: 0, tokens: prompt, alone: false },
      { signal: early.signal },
    );
    early.abort();
    await expect(evaluation).rejects.toMatchObject({ code: 'ABORTED' });
    // Three batches would have been needed; the first may have been under way.
    const { length } = await worker.process.call('evaluate', { sequence: 0, tokens: [5], alone: false });
    expect(length).toBeLessThanOrEqual(513);
    await worker.truncate(0, 0);
  });

  it('puts a saved state back so that the next tokens are the same', async () => {
    const path = join(folder, 'state');
    const tokens = (await worker.tokenize(words(700, 6))).slice(0, 600);
    await worker.evaluate(0, tokens, 0);
    const saved = await worker.process.call('save-state', { sequence: 0, path });
    expect(saved).toEqual({ bytes: statSync(path).size, tokens: 600 });
    const question = (await worker.tokenize(' The capital of Italy is')).slice(1);
    const before = await worker.generate(question, { maxTokens: 12 });

    await worker.truncate(0, 0);
    expect(await worker.process.call('load-state', { sequence: 0, path, tokens })).toEqual({ kept: 600 });
    const after = await worker.generate(question, { maxTokens: 12 });
    expect(after.text).toBe(before.text);
    expect(after.result.length).toBe(before.result.length);
    await worker.truncate(0, 0);
  });

  it('refuses a damaged or foreign state with a typed error, and stays usable', async () => {
    const path = join(folder, 'sound');
    const tokens = await worker.tokenize(words(40, 7));
    await worker.evaluate(0, tokens, 0);
    await worker.process.call('save-state', { sequence: 0, path });
    const content = readFileSync(path);
    const flipped = Buffer.from(content);
    flipped[20_000] = (flipped[20_000] ?? 0) ^ 1;
    const cases: [string, Buffer, readonly number[]][] = [
      ['truncated', content.subarray(0, content.length - 5000), tokens],
      ['cut to its header', content.subarray(0, 10), tokens],
      ['empty', Buffer.alloc(0), tokens],
      ['one bit flipped', flipped, tokens],
      ['noise', Buffer.alloc(30_000, 0x5a), tokens],
      ['of other tokens', content, tokens.toReversed()],
      ['of fewer tokens', content, tokens.slice(1)],
    ];
    for (const [name, bytes, asked] of cases) {
      const damaged = join(folder, name);
      writeFileSync(damaged, bytes);
      await expect(
        worker.process.call('load-state', { sequence: 0, path: damaged, tokens: asked }),
        name,
      ).rejects.toMatchObject({ code: 'STATE_INVALID' });
      // Nothing of it is used, and nothing is left of what was there.
      expect(await worker.truncate(0, 1000)).toBe(0);
    }
    await expect(
      worker.process.call('load-state', { sequence: 0, path: join(folder, 'none'), tokens }),
    ).rejects.toMatchObject({ code: 'STATE_INVALID' });
    await expect(
      worker.process.call('save-state', { sequence: 0, path: join(folder, 'no', 'such', 'folder') }),
    ).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });

    const other = await load({ path: gemma(), contextTokens: 1024 });
    await expect(other.process.call('load-state', { sequence: 0, path, tokens })).rejects.toMatchObject({
      code: 'STATE_INVALID',
      message: expect.stringContaining('another model, context or runtime') as string,
    });
    await other.process.close();
    expect(await worker.process.call('load-state', { sequence: 0, path, tokens })).toEqual({ kept: tokens.length });
    await worker.truncate(0, 0);
  });

  it('holds the output to a grammar, with greedy and with drawn tokens', async () => {
    const tokens = await worker.tokenize('A person as JSON: ');
    const grammar = String.raw`root ::= "{\"name\":\"" [A-Za-z ]{1,12} "\",\"age\":" [0-9]{1,2} "}"`;
    for (const sampling of [greedy, { ...greedy, temperature: 1.2, seed: 7 }]) {
      const { text, result } = await worker.generate(tokens, { maxTokens: 60, grammar, sampling });
      expect(result.reason).toBe('stop');
      expect(JSON.parse(text)).toEqual({ name: expect.any(String) as string, age: expect.any(Number) as number });
      await worker.truncate(0, 0);
    }
  });

  it('refuses a grammar that is none, and stays usable', async () => {
    const tokens = await worker.tokenize('Hello');
    for (const grammar of ['root ::= ((', 'start ::= "a"', 'root ::= missing', 'root ::= root "a"', '']) {
      await expect(worker.generate(tokens, { grammar }), grammar).rejects.toMatchObject({ code: 'GRAMMAR_INVALID' });
    }
    expect((await worker.generate(tokens, { maxTokens: 2 })).pieces).toHaveLength(2);
    await worker.truncate(0, 0);
  });

  it('tells log-probabilities of the model itself, whatever the sampling options', async () => {
    const tokens = await worker.tokenize('The capital of France is');
    const { pieces } = await worker.generate(tokens, { maxTokens: 8, logprobs: 20 });
    for (const { text, logprobs = [] } of pieces) {
      const [taken, ...top] = logprobs;
      expect(top).toHaveLength(20);
      // Greedy takes the likeliest one, and its bytes are its text.
      expect(top[0]).toEqual(taken);
      expect(Buffer.from(taken?.bytes ?? '', 'base64').toString()).toBe(text);
      const values = top.map(({ logprob }) => logprob);
      expect(values).toEqual(values.toSorted((a, b) => b - a));
      const sum = values.reduce((total, logprob) => total + Math.exp(logprob), 0);
      expect(sum).toBeGreaterThan(0.3);
      expect(sum).toBeLessThanOrEqual(1.001);
    }
    await worker.truncate(0, 0);
    const forced = await worker.generate(tokens, {
      maxTokens: 1,
      logprobs: 20,
      sampling: { ...greedy, temperature: 1.5, topK: 3, logitBias: { [String(pieces[0]?.token)]: -100 } },
    });
    const [taken, ...top] = forced.pieces[0]?.logprobs ?? [];
    expect(top).toEqual(pieces[0]?.logprobs?.slice(1));
    expect(taken?.logprob).toBeLessThan(top[0]?.logprob ?? 0);
    await worker.truncate(0, 0);
  });

  it('sums the probabilities of all tokens up to one', async () => {
    const tokens = await worker.tokenize('The capital of France is');
    const { pieces } = await worker.generate(tokens, { maxTokens: 1, logprobs: 262_144 });
    const sum = pieces[0]?.logprobs?.slice(1).reduce((total, { logprob }) => total + Math.exp(logprob), 0);
    expect(sum).toBeCloseTo(1, 2);
    await worker.truncate(0, 0);
  });

  it('draws the same tokens for the same seed, and honours every option', async () => {
    const tokens = await worker.tokenize('My favourite animals are');
    const draw = async (sampling: Partial<ResolvedSampling>, prompt = tokens): Promise<string> => {
      const { text } = await worker.generate(prompt, { maxTokens: 24, sampling: { ...greedy, ...sampling } });
      await worker.truncate(0, 0);
      return text;
    };
    const warm = { temperature: 1, topK: 0, topP: 1, minP: 0 };
    expect(await draw({ ...warm, seed: 3 })).toBe(await draw({ ...warm, seed: 3 }));
    expect(await draw({ ...warm, seed: 3 })).not.toBe(await draw({ ...warm, seed: 4 }));
    const plain = await draw({});
    expect(await draw({ ...warm, topK: 1 })).toBe(plain);
    expect(await draw({ ...warm, minP: 1 })).toBe(plain);
    expect(await draw({ ...warm, topP: 0 })).toBe(plain);
    expect(await draw({ repeatPenalty: 2 })).not.toBe(plain);
    expect(await draw({ repeatPenalty: 2, repeatLastTokens: 0 })).toBe(plain);
    expect(await draw({ frequencyPenalty: 2 })).not.toBe(plain);
    expect(await draw({ presencePenalty: 2 })).not.toBe(plain);
    expect(await draw({ dryMultiplier: 5 })).not.toBe(plain);
    expect(await draw({ xtcProbability: 1, xtcThreshold: 0.01 })).not.toBe(plain);
    // What these three say by themselves: each token more makes a repetition dearer, one counts only beyond the length of
    // the answer, and no two tokens are that likely.
    const song = await worker.tokenize('la la la la la la la la la la la la la la la la');
    const sung = await draw({}, song);
    expect(await draw({ dryMultiplier: 0.001, dryBase: 1 }, song)).toBe(sung);
    expect(await draw({ dryMultiplier: 0.001, dryBase: 1_000 }, song)).not.toBe(sung);
    expect(await draw({ dryMultiplier: 5 }, song)).not.toBe(sung);
    expect(await draw({ dryMultiplier: 5, dryAllowedLength: 200 }, song)).toBe(sung);
    expect(await draw({ xtcProbability: 1, xtcThreshold: 0.51 })).toBe(plain);
    // A sampler that served these answers serves the next one as if it were new.
    expect(await draw({})).toBe(plain);
  });

  it('gives the same greedy text with guesses from the prompt as without', async () => {
    const list = 'alpha beta gamma delta epsilon zeta eta theta iota kappa';
    const tokens = await worker.tokenize(`Copy: ${list}\nCopy: ${list}\nCopy: ${list}\nCopy: alpha`);
    const plain = await worker.generate(tokens, { maxTokens: 40 });
    await worker.truncate(0, 0);
    const guessed = await worker.generate(tokens, { maxTokens: 40, speculation: 'prompt-lookup' });
    expect(guessed.text).toBe(plain.text);
    expect(guessed.result.length).toBe(plain.result.length);
    expect(guessed.result.acceptedTokens).toBeGreaterThan(10);
    expect(guessed.result.draftedTokens).toBeGreaterThanOrEqual(guessed.result.acceptedTokens);
    expect(guessed.pieces.length).toBe(plain.pieces.length);
    // Fewer batches than tokens: that is the point. Every guess that was right saves one.
    expect(batchesOf(plain.pieces)).toBe(plain.pieces.length);
    expect(batchesOf(guessed.pieces)).toBe(guessed.pieces.length - guessed.result.acceptedTokens);
    await worker.truncate(0, 0);
  });

  it('guesses with a draft model of the same vocabulary, and refuses another one', async () => {
    await expect(worker.generate([2], { speculation: 'draft' })).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    await expect(worker.process.call('load-draft', { path: smol() })).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
    });
    expect(await worker.process.call('load-draft', { path: gemma() })).toEqual({ architecture: 'gemma3' });
    const list = 'alpha beta gamma delta epsilon zeta eta theta';
    const tokens = await worker.tokenize(`Copy: ${list}\nCopy: ${list}\nCopy: alpha`);
    const plain = await worker.generate(tokens, { maxTokens: 24 });
    await worker.truncate(0, 0);
    const guessed = await worker.generate(tokens, { maxTokens: 24, speculation: 'draft' });
    expect(guessed.text).toBe(plain.text);
    // The same model guesses right.
    expect(guessed.result.acceptedTokens).toBeGreaterThan(12);
    await worker.truncate(0, 0);
  });

  it('changes its threads between batches', async () => {
    expect(await worker.process.call('set-threads', { threads: 2 })).toEqual({ threads: 2 });
    expect((await worker.generate(await worker.tokenize('One'), { maxTokens: 2 })).pieces).toHaveLength(2);
    expect(await worker.process.call('set-threads', { threads: 1 })).toEqual({ threads: 1 });
    await worker.truncate(0, 0);
  });

  it('tells its memory', async () => {
    const { resident, anonymous } = await worker.process.call('memory', {});
    expect(resident).toBeGreaterThan(200_000_000);
    if (process.platform === 'linux') expect(anonymous).toBeGreaterThan(200_000_000);
    else expect(anonymous).toBeNull();
  });

  it('refuses to make vectors with a model that was loaded to write', async () => {
    await expect(worker.process.call('embed', { inputs: [[2, 5]] })).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
  });
});

describe('the llama.cpp worker with Gemma 3 270M, several sequences', () => {
  let worker: Loaded;
  const prompts = ['The capital of France is', 'My favourite colour is', 'One, two, three,', 'The sun rises in the'];
  beforeAll(async () => {
    worker = await load({ path: gemma(), sequences: 4 });
  });
  afterAll(() => worker?.process.close());

  async function each(alone: boolean): Promise<string[]> {
    return Promise.all(
      prompts.map(async (prompt, sequence) => {
        await worker.truncate(sequence, 0);
        const { text } = await worker.generate(await worker.tokenize(prompt), { sequence, alone });
        return text;
      }),
    );
  }

  it('gives side by side what each gives alone, when each asks to compute alone', async () => {
    const oneByOne: string[] = [];
    for (const [sequence, prompt] of prompts.entries()) {
      await worker.truncate(sequence, 0);
      oneByOne.push((await worker.generate(await worker.tokenize(prompt), { sequence })).text);
    }
    expect(await each(true)).toEqual(oneByOne);
  });

  it('shares batches otherwise, with text as good', async () => {
    for (const sequence of prompts.keys()) await worker.truncate(sequence, 0);
    const tokens = await Promise.all(prompts.map((prompt) => worker.tokenize(prompt)));
    const answers = await Promise.all(
      tokens.map((prompt, sequence) => worker.generate(prompt, { sequence, alone: false, logprobs: 0 })),
    );
    const sizes = answers.flatMap(({ pieces }) => pieces.map(({ batchTokens }) => batchTokens ?? 0));
    expect(Math.max(...sizes)).toBeGreaterThanOrEqual(4);
    for (const { pieces } of answers) {
      const mean = pieces.reduce((sum, { logprobs }) => sum + (logprobs?.[0].logprob ?? 0), 0) / pieces.length;
      // Greedy text of a sound state is likely text.
      expect(mean).toBeGreaterThan(-2.5);
    }
  });

  it('lets a short answer through while a long prompt is evaluated', async () => {
    for (const sequence of [0, 1]) await worker.truncate(sequence, 0);
    const long = (await worker.tokenize(words(1000, 8))).slice(0, 900);
    const order: string[] = [];
    await Promise.all([
      worker.evaluate(0, long, 0, 64).then(() => order.push('long prompt')),
      worker
        .generate(await worker.tokenize('Two plus two is'), { sequence: 1, alone: false, maxTokens: 4 })
        .then(() => order.push('short answer')),
    ]);
    expect(order).toEqual(['short answer', 'long prompt']);
  });

  it('goes back to a checkpoint behind the sliding window, and computes as if nothing else had been there', async () => {
    const prompt = (await worker.tokenize(words(1600, 3))).slice(0, 1500);
    const tail = (await worker.tokenize('. Count: one, two, three, four, five, six, seven,')).slice(1);
    for (const sequence of [0, 1, 2]) await worker.truncate(sequence, 0);
    await worker.evaluate(0, prompt.slice(0, 640), 0);
    const { bytes } = await worker.process.call('checkpoint', { sequence: 0, keepMax: 4 });
    expect(bytes).toBeGreaterThan(1_000_000);
    await worker.evaluate(0, prompt, 640);
    expect(await worker.process.call('copy', { from: 0, to: 1, tokens: 1500 })).toEqual({ kept: 1500 });
    expect(await worker.process.call('copy', { from: 0, to: 2, tokens: 1500 })).toEqual({ kept: 1500 });

    // 600 tokens back, more than the window of 512: the nearest checkpoint before the cut.
    expect(await worker.truncate(0, 900)).toBe(640);
    const restored = await worker.generate(tail, { maxTokens: 12, logprobs: 5 });
    // The copy has the checkpoint too, and one token less is still within it.
    expect(await worker.truncate(1, 639)).toBe(639);
    // Before the checkpoint there is nothing to go back to.
    expect(await worker.truncate(2, 500)).toBe(0);

    await worker.evaluate(2, prompt.slice(0, 640), 0);
    const unshared = await worker.generate(tail, { sequence: 2, maxTokens: 12, logprobs: 5 });
    expect(restored.text).toBe(unshared.text);
    expect(restored.pieces[0]?.logprobs?.map(({ bytes: token }) => token)).toEqual(
      unshared.pieces[0]?.logprobs?.map(({ bytes: token }) => token),
    );
    for (const [index, { logprobs }] of restored.pieces.entries()) {
      const other = unshared.pieces[index]?.logprobs?.[0].logprob ?? Number.NaN;
      expect(Math.abs((logprobs?.[0].logprob ?? Number.NaN) - other)).toBeLessThan(0.02);
    }
    await worker.process.call('checkpoint', { sequence: 0, keepMax: 0 });
  });

  it('copies a sequence, at once usable, also when the copy is cut, saved or remembered first', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gemma-llama-copy-'));
    const tokens = (await worker.tokenize(words(400, 9))).slice(0, 300);
    for (const sequence of [0, 1, 2, 3]) await worker.truncate(sequence, 0);
    await worker.evaluate(0, tokens, 0);
    const question = (await worker.tokenize(' The capital of Italy is')).slice(1);

    expect(await worker.process.call('copy', { from: 0, to: 1, tokens: 256 })).toEqual({ kept: 256 });
    expect(await worker.process.call('copy', { from: 1, to: 2, tokens: 1000 })).toEqual({ kept: 256 });
    await worker.process.call('checkpoint', { sequence: 2, keepMax: 1 });
    const path = join(folder, 'copy');
    await worker.process.call('save-state', { sequence: 2, path });
    // The source goes away before anything was computed on its copies.
    await worker.truncate(0, 0);
    expect(await worker.process.call('load-state', { sequence: 3, path, tokens: tokens.slice(0, 256) })).toEqual({
      kept: 256,
    });

    await worker.evaluate(0, tokens.slice(0, 256), 0);
    const expected = await worker.generate(question, { sequence: 0, maxTokens: 12 });
    for (const sequence of [1, 2, 3]) {
      const { text } = await worker.generate(question, { sequence, maxTokens: 12 });
      expect(text, `sequence ${sequence}`).toBe(expected.text);
    }
    expect(await worker.process.call('copy', { from: 0, to: 0, tokens: 10 })).toEqual({ kept: 10 });
    await worker.truncate(0, 0);
    expect(await worker.process.call('copy', { from: 0, to: 1, tokens: 10 })).toEqual({ kept: 0 });
    rmSync(folder, { recursive: true });
  });

  it('keeps its attention cache in 8 bits when asked, with sound text', async () => {
    const compact = await load({ path: gemma(), contextTokens: 1024, compactCache: true });
    const tokens = await compact.tokenize('One, two, three, four, five, six,');
    expect((await compact.generate(tokens, { maxTokens: 8 })).text).toContain(' seven');
    await compact.process.close();
  });
});

describe('the llama.cpp worker and what it cannot load', () => {
  let worker: ModelProcess;
  beforeAll(async () => {
    worker = await start();
  });
  afterAll(() => worker?.close());

  it('refuses a file that is no model with a typed error, and stays alive', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gemma-llama-load-'));
    const short = join(folder, 'short.gguf');
    writeFileSync(short, readFileSync(smol()).subarray(0, 3_000_000));
    for (const path of [import.meta.filename, '/no/such/file.gguf', short]) {
      await expect(worker.call('load', { ...defaults, path })).rejects.toMatchObject({ code: 'ENGINE_LOAD_FAILED' });
    }
    rmSync(folder, { recursive: true });
  });

  it('refuses every other call before a model is loaded', async () => {
    await expect(worker.call('tokenize', { input: { type: 'text', text: 'x' } })).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
    });
  });

  it('says that the runtime is missing, or of another version, in the folder given', async () => {
    await expect(
      worker.call('load', { ...defaults, path: smol(), runtimeFolder: '/no/such/folder' }),
    ).rejects.toMatchObject({ code: 'RUNTIME_NOT_INSTALLED' });
    const folder = mkdtempSync(join(tmpdir(), 'gemma-llama-runtime-'));
    const other = join(folder, 'node_modules', 'node-llama-cpp');
    writePackage(other, { name: 'node-llama-cpp', version: '3.0.0', main: 'index.js' });
    await expect(worker.call('load', { ...defaults, path: smol(), runtimeFolder: folder })).rejects.toMatchObject({
      code: 'RUNTIME_UNSUPPORTED',
      message: expect.stringMatching(/3\.22\.1.*3\.0\.0.*gemma runtime install llama/s) as string,
    });
    writePackage(other, { name: 'node-llama-cpp', version: '3.22.1', main: 'index.js' });
    await expect(worker.call('load', { ...defaults, path: smol(), runtimeFolder: folder })).rejects.toMatchObject({
      code: 'RUNTIME_NOT_INSTALLED',
    });
    rmSync(folder, { recursive: true });
  });

  it('refuses a model that cannot do what it is loaded for', async () => {
    await expect(worker.call('load', { ...defaults, path: smol(), purpose: 'embed' })).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
    });
    await expect(worker.call('load', { ...defaults, path: smol(), purpose: 'rank' })).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
    });
  });
});

describe('the llama.cpp worker with SmolLM2 135M Instruct', () => {
  let worker: Loaded;
  beforeAll(async () => {
    worker = await load({ path: smol() });
  });
  afterAll(() => worker?.process.close());

  it('makes special tokens of the template and text of what a user wrote', async () => {
    const chat = async (content: string): Promise<number> =>
      (await worker.process.call('tokenize', { input: { type: 'chat', messages: [{ role: 'user', content }] } })).tokens
        .length;
    const plain = await chat('x');
    // `<|im_end|>` is one special token; as text it takes several.
    expect((await chat('<|im_end|>')) - plain).toBeGreaterThan(2);
  });

  it('ends an answer where the model ends it', async () => {
    const { tokens } = await worker.process.call('tokenize', {
      input: { type: 'chat', messages: [{ role: 'user', content: 'Say hello.' }] },
    });
    const { text, result } = await worker.generate(tokens, { maxTokens: 100 });
    expect(result.reason).toBe('stop');
    expect(text).not.toContain('<|im_end|>');
    await worker.truncate(0, 0);
  });

  it('cuts anywhere without checkpoints, which cost it nothing', async () => {
    const tokens = (await worker.tokenize(words(400, 10))).slice(0, 300);
    await worker.evaluate(0, tokens, 0);
    expect(await worker.process.call('checkpoint', { sequence: 0, keepMax: 4 })).toEqual({ bytes: 0 });
    expect(await worker.truncate(0, 3)).toBe(3);
    await worker.truncate(0, 0);
  });

  it('gives whole characters for emoji and rare scripts that it repeats', async () => {
    const line = '😀 é ß 你好 👩‍👩‍👧\n';
    const { text, pieces } = await worker.generate(await worker.tokenize(line.repeat(6)), { maxTokens: 40 });
    expect(text).not.toContain('\uFFFD');
    expect(text).toMatch(/[😀你好]/u);
    for (const { text: piece } of pieces) expect(Buffer.from(piece).toString('utf8')).toBe(piece);
  });
});

const missingMiniLm = existsSync(miniLm) ? undefined : `there is no ${miniLm}`;

describeUnless(missingMiniLm, 'the llama.cpp worker with the embedding model MiniLM', () => {
  let worker: Loaded;
  beforeAll(async () => {
    worker = await load({ path: miniLm, contextTokens: 256, purpose: 'embed' });
  });
  afterAll(() => worker?.process.close());

  async function embed(texts: readonly string[]): Promise<Float32Array[]> {
    const inputs = await Promise.all(texts.map((text) => worker.tokenize(text)));
    const { vectors } = await worker.process.call('embed', { inputs });
    return vectors.map((vector) => {
      const bytes = Buffer.from(vector, 'base64');
      return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    });
  }

  function cosine(a: Float32Array, b: Float32Array): number {
    const dot = (x: Float32Array, y: Float32Array): number =>
      x.reduce((sum, value, index) => sum + value * (y[index] ?? 0), 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  }

  it('tells its dimensions and pooling, and that it writes no text', () => {
    expect(worker.model.embedding).toEqual({ dimensions: 384, pooling: 'mean' });
    expect(worker.model.capabilities).toMatchObject({ embeddings: true, logprobs: false, chat: false });
  });

  it('wraps a text in the tokens that the model wants at its ends', async () => {
    const tokens = await worker.tokenize('hello world');
    expect([tokens[0], tokens.at(-1)]).toEqual([101, 102]);
    expect(tokens).toHaveLength(4);
  });

  it('gives near vectors for near texts, the same whatever stands before in the batch', async () => {
    const texts = ['A cat sits on the mat.', 'A kitten is lying on the rug.', 'Interest rates rose again.'];
    const [cat, kitten, rates] = (await embed(texts)) as [Float32Array, Float32Array, Float32Array];
    expect(cat).toHaveLength(384);
    expect(cosine(cat, kitten)).toBeGreaterThan(0.5);
    expect(cosine(cat, rates)).toBeLessThan(0.2);
    const [, , again] = await embed(texts.toReversed());
    expect(again).toEqual(cat);
  });

  it('refuses an empty and a too long text', async () => {
    await expect(worker.process.call('embed', { inputs: [[]] })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await expect(
      worker.process.call('embed', { inputs: [Array.from({ length: 257 }, () => 2000)] }),
    ).rejects.toMatchObject({ code: 'CONTEXT_EXCEEDED' });
  });

  it('is refused where text is to be written', async () => {
    const other = await start();
    await expect(other.call('load', { ...defaults, path: miniLm })).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
    });
    await other.close();
  });
});

function writePackage(folder: string, manifest: Record<string, string>): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'index.js'), '');
}
