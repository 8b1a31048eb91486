import { homedir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ResolvedSampling } from '@gemma-cli/contracts/worker-protocol';
import { llamaWorker, startModelProcess } from '@gemma-cli/model-process';
import type { ModelProcess } from '@gemma-cli/model-process';
import { realModel } from '@gemma-cli/testkit';

const greedy: ResolvedSampling = { temperature: 0, topK: 40, topP: 0.95, minP: 0.05, repeatPenalty: 1, seed: 1 };

const place = { env: process.env, home: homedir() };

/** A worker without a model. */
function start(): Promise<ModelProcess> {
  return startModelProcess({
    worker: llamaWorker,
    env: {},
    startMsMax: 60_000,
    silenceMsMax: 60_000,
    abortMsMax: 5_000,
    log: () => {},
  });
}

async function load(path: string): Promise<ModelProcess> {
  const model = await start();
  await model.call('load', { path, contextTokens: 2048, sequences: 1, threads: 1, runtimeFolder: null });
  return model;
}

async function complete(model: ModelProcess, tokens: readonly number[], maxTokens: number): Promise<string> {
  let text = '';
  await model.call(
    'generate',
    { sequence: 0, tokens, maxTokens, sampling: greedy },
    {
      onPiece: (_, piece) => {
        text += piece;
      },
    },
  );
  return text;
}

describe('the llama.cpp worker with Gemma 3 270M', () => {
  let model: ModelProcess;
  beforeAll(async () => {
    model = await load(realModel('gemma3:270m-base', place));
  });
  afterAll(() => model?.close());

  async function tokenize(text: string): Promise<readonly number[]> {
    return (await model.call('tokenize', { input: { type: 'text', text } })).tokens;
  }

  it('knows that the base model has no chat template', async () => {
    await expect(
      model.call('tokenize', { input: { type: 'chat', messages: [{ role: 'user', content: 'Hi' }] } }),
    ).rejects.toMatchObject({ code: 'OPTION_UNSUPPORTED' });
  });

  it('keeps text that looks like a special token as text', async () => {
    const special = '<start_of_turn>';
    const [bos, ...rest] = await tokenize(special);
    expect(bos).toBe(2);
    // As a special token it would be one.
    expect(rest.length).toBeGreaterThan(1);
  });

  it('keeps what the window still covers, and starts over for a cut further back', async () => {
    const tokens = await tokenize('All work and no play makes Jack a dull boy. '.repeat(100));
    expect(tokens.length).toBeGreaterThan(1000);
    for (let start = 0; start < 1000; start += 64) {
      await model.call('evaluate', { sequence: 0, tokens: tokens.slice(start, Math.min(start + 64, 1000)) });
    }
    expect(await model.call('truncate', { sequence: 0, tokens: 995 })).toEqual({ kept: 995 });
    const { kept } = await model.call('truncate', { sequence: 0, tokens: 100 });
    // Whatever it keeps must compute as if nothing else had ever been there.
    await model.call('evaluate', { sequence: 0, tokens: tokens.slice(kept, 100) });
    const question = (await tokenize('The capital of Italy is')).slice(1);
    const afterCut = await complete(model, question, 12);
    await model.call('truncate', { sequence: 0, tokens: 0 });
    await model.call('evaluate', { sequence: 0, tokens: tokens.slice(0, 100) });
    expect(await complete(model, question, 12)).toBe(afterCut);
    await model.call('truncate', { sequence: 0, tokens: 0 });
  });

  it('changes its threads between tokens', async () => {
    expect(await model.call('set-threads', { threads: 2 })).toEqual({ threads: 2 });
    expect(await model.call('set-threads', { threads: 1 })).toEqual({ threads: 1 });
  });

  it('refuses a file that is no model with a typed error, and stays alive', async () => {
    const other = await start();
    const params = { contextTokens: 512, sequences: 1, threads: 1, runtimeFolder: null };
    await expect(other.call('load', { ...params, path: import.meta.filename })).rejects.toMatchObject({
      code: 'ENGINE_LOAD_FAILED',
    });
    await expect(other.call('load', { ...params, path: '/no/such/file.gguf' })).rejects.toMatchObject({
      code: 'ENGINE_LOAD_FAILED',
    });
    await other.close();
  });

  it('says that the runtime is missing when the folder given has none', async () => {
    const other = await start();
    await expect(
      other.call('load', {
        path: realModel('gemma3:270m-base', place),
        contextTokens: 512,
        sequences: 1,
        threads: 1,
        runtimeFolder: '/no/such/folder',
      }),
    ).rejects.toMatchObject({ code: 'RUNTIME_NOT_INSTALLED' });
    await other.close();
  });
});

describe('the llama.cpp worker with SmolLM2 135M Instruct', () => {
  let model: ModelProcess;
  beforeAll(async () => {
    model = await load(realModel('smollm2:135m', place));
  });
  afterAll(() => model?.close());

  it('makes special tokens of the template and text of what a user wrote', async () => {
    const chat = async (content: string): Promise<number> =>
      (await model.call('tokenize', { input: { type: 'chat', messages: [{ role: 'user', content }] } })).tokens.length;
    const plain = await chat('x');
    // `<|im_end|>` is one special token; as text it takes several.
    expect((await chat('<|im_end|>')) - plain).toBeGreaterThan(2);
  });

  it('gives whole characters for emoji and rare scripts that it repeats', async () => {
    const line = '😀 é ß 你好 👩‍👩‍👧\n';
    const { tokens } = await model.call('tokenize', { input: { type: 'text', text: line.repeat(6) } });
    const pieces: string[] = [];
    await model.call(
      'generate',
      { sequence: 0, tokens, maxTokens: 40, sampling: greedy },
      {
        onPiece: (_, text) => {
          pieces.push(text);
        },
      },
    );
    expect(pieces.join('')).not.toContain('\uFFFD');
    expect(pieces.join('')).toMatch(/[😀你好]/u);
    for (const piece of pieces) expect(Buffer.from(piece).toString('utf8')).toBe(piece);
  });
});
