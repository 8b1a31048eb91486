import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChatMessage, Prompt, StateCacheStatus } from '@gemma-cli/contracts';
import { scriptedWorker, tryEngine, until, untilFault, untilGone, withTemporaryFolder } from '@gemma-cli/testkit';
import type { EngineTrial, Fault } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { create } from '../src/index.ts';

/** How many model processes were spawned so far. */
function spawns(trial: EngineTrial): number {
  return trial.pids().length;
}

describe('the warm host', () => {
  it('spawns one process for many prompts, and says load only for the first', async () => {
    await tryEngine(create, {}, async (trial) => {
      const first = await trial.ask('one');
      const second = await trial.ask('two');
      expect(first.events[0]).toMatchObject({ type: 'load-start' });
      expect(second.events.some(({ type }) => type === 'load-start')).toBe(false);
      expect(second.end?.timings.loadMs).toBe(0);
      expect(spawns(trial)).toBe(1);
    });
  });

  it('evaluates only what is new in a conversation that grows', async () => {
    await tryEngine(create, {}, async (trial) => {
      const messages = [{ role: 'user' as const, content: 'Tell me a long story, please.' }];
      const first = await trial.ask({ type: 'chat', messages });
      const second = await trial.ask({
        type: 'chat',
        messages: [...messages, { role: 'assistant', content: first.text }, { role: 'user', content: 'And then?' }],
      });
      const shared = (first.end?.usage.promptTokens ?? 0) + (first.end?.usage.outputTokens ?? 0);
      expect(second.end?.usage.cachedTokens).toBeGreaterThanOrEqual(0.9 * shared);
      const evaluated = trial.journal().flatMap((entry) => (entry.event === 'evaluate' ? [entry.tokens] : []));
      expect(evaluated.reduce((sum, tokens) => sum + tokens, 0)).toBeLessThan(
        (first.end?.usage.promptTokens ?? 0) + (second.end?.usage.promptTokens ?? 0),
      );
    });
  });

  it('starts a fresh process when the idle one was killed', async () => {
    await tryEngine(create, {}, async (trial) => {
      await trial.ask('one');
      const [pid] = trial.pids();
      process.kill(pid ?? 0, 'SIGKILL');
      // Not awaited: the exit may not have been noticed yet when the next prompt comes.
      const next = await trial.ask('two');
      expect(next.error).toBeNull();
      expect(next.end?.reason).toBe('stop');
      expect(spawns(trial)).toBe(2);
    });
  });

  it('unloads an idle model after keepAliveMs, and at once when that is 0', async () => {
    await tryEngine(create, { options: { keepAliveMs: 30 } }, async (trial) => {
      await trial.ask('one');
      await untilGone(trial.pids()[0]);
      expect(trial.engine.status().processes).toEqual([]);
      expect((await trial.ask('two')).error).toBeNull();
      expect(spawns(trial)).toBe(2);
    });
    await tryEngine(create, { options: { keepAliveMs: 0 } }, async (trial) => {
      await trial.ask('one');
      expect(trial.engine.status().processes).toEqual([]);
    });
  });

  it('keeps models within the memory allowed and lets the least recently used one go', async () => {
    // The scripted weights are empty: each model counts for the process beside them, 200 MiB.
    await tryEngine(create, { options: { memoryBytesMax: 450 * 1024 ** 2 } }, async (trial) => {
      const third = { path: trial.model.path, name: 'third' };
      await trial.ask('a');
      await trial.ask('b', { model: trial.otherModel });
      await trial.ask('c');
      expect(spawns(trial)).toBe(2);
      // Another context makes another process of the same file.
      await trial.ask('d', { model: third, contextTokens: 512 });
      expect(spawns(trial)).toBe(3);
      expect(trial.engine.status().processes.map(({ model }) => model)).toEqual(['scripted', 'third']);
      await untilGone(trial.pids()[1]);
    });
  });

  it('refuses a model that does not fit the memory allowed, before anything is started', async () => {
    await tryEngine(create, { options: { memoryBytesMax: 100 * 1024 ** 2 } }, async (trial) => {
      expect((await trial.ask('a')).error).toMatchObject({ code: 'MEMORY_EXCEEDED', facts: { model: 'scripted' } });
      expect(spawns(trial)).toBe(0);
    });
  });

  it('loads once for many who ask at the same time, and answers them side by side', async () => {
    await tryEngine(create, { options: { slots: 4 }, script: { pieceMs: 2 } }, async (trial) => {
      const answers = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((text) => trial.ask(text)));
      expect(answers.map(({ error }) => error)).toEqual(answers.map(() => null));
      expect(spawns(trial)).toBe(1);
      expect(answers.filter(({ events }) => events[0]?.type === 'load-start')).toHaveLength(4);
    });
  });

  it('goes on loading for those who wait when the first of them leaves', async () => {
    const faults = [{ at: 'load', do: 'delay', ms: 200 } as const];
    await tryEngine(create, { script: { faults } }, async (trial) => {
      const controller = new AbortController();
      const first = trial.ask('one', {}, { signal: controller.signal });
      const second = trial.ask('two');
      await until('the process is spawned', () => spawns(trial) === 1);
      controller.abort();
      expect((await first).end?.reason).toBe('aborted');
      expect((await second).error).toBeNull();
      expect(spawns(trial)).toBe(1);
    });
  });

  it('keeps two conversations when they take turns', async () => {
    await tryEngine(create, { options: { slots: 2 } }, async (trial) => {
      const stories = ['Once upon a time there was a long story. ', 'Something else altogether was told here. '];
      const histories: ChatMessage[][] = stories.map((text) => [{ role: 'user', content: text.repeat(4) }]);
      const cached: number[] = [];
      for (let turn = 0; turn < 3; turn += 1) {
        for (const history of histories) {
          const { text, end } = await trial.ask({ type: 'chat', messages: [...history] }, { maxTokens: 16 });
          if (turn > 0) cached.push((end?.usage.cachedTokens ?? 0) / (end?.usage.promptTokens ?? 1));
          history.push({ role: 'assistant', content: text }, { role: 'user', content: 'Go on.' });
        }
      }
      expect(Math.min(...cached)).toBeGreaterThan(0.9);
    });
  });

  it('copies the beginning that two conversations share, and keeps the first one', async () => {
    await tryEngine(create, { options: { slots: 2 } }, async (trial) => {
      const system = { role: 'system' as const, content: 'You are brief. '.repeat(20) };
      const chat = (text: string): Prompt => ({ type: 'chat', messages: [system, { role: 'user', content: text }] });
      await trial.ask(chat('A long question about many things that nobody else asks in this way. '.repeat(3)));
      const second = await trial.ask(chat('Something different.'));
      expect(second.end?.usage.cachedTokens).toBeGreaterThan(300);
      expect(trial.engine.status().processes[0]?.cachedTokens).toBeGreaterThan(700);
    });
  });

  it('answers questions about a model from the process that its requests use', async () => {
    await tryEngine(create, {}, async (trial) => {
      await trial.ask('one', { contextTokens: 512 });
      expect((await trial.engine.describe(trial.model, { contextTokens: 512 })).contextTokens).toBe(512);
      await trial.engine.countTokens(trial.model, { type: 'completion', text: 'two' }, { contextTokens: 512 });
      expect(spawns(trial)).toBe(1);
    });
  });

  it('refuses a question with a context out of range before anything is started', async () => {
    await tryEngine(create, {}, async (trial) => {
      await expect(trial.engine.describe(trial.model, { contextTokens: 0 })).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
      });
      await expect(trial.engine.describe({ path: '' })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      expect(spawns(trial)).toBe(0);
    });
  });

  it('unloads an idle model whose next request was aborted before it began', async () => {
    await tryEngine(create, { options: { keepAliveMs: 200 } }, async (trial) => {
      await trial.ask('one');
      const controller = new AbortController();
      const next = trial.ask('two', {}, { signal: controller.signal });
      controller.abort();
      expect((await next).end?.reason).toBe('aborted');
      await untilGone(trial.pids()[0]);
    });
  });

  it('gives up a file check that never ends when the request is aborted', async () => {
    const checkModel = (): Promise<never> => new Promise(() => {});
    await tryEngine(create, { options: { checkModel } }, async (trial) => {
      const controller = new AbortController();
      const answer = trial.ask('one', {}, { signal: controller.signal });
      setTimeout(() => controller.abort(), 20);
      expect((await answer).end?.reason).toBe('aborted');
      expect(spawns(trial)).toBe(0);
    });
  });

  it('loads a model file that was replaced under the same path anew', async () => {
    await tryEngine(create, {}, async (trial) => {
      await trial.ask('one');
      await writeFile(trial.model.path, 'GGUF, another one');
      await trial.ask('two');
      expect(spawns(trial)).toBe(2);
    });
  });

  it('loads a draft model that was replaced under the same path anew, and counts its memory as no growth', async () => {
    const script = { memory: { residentBytes: 2e6, anonymousBytes: 1e6, growthBytes: 10, draftBytes: 5e6 } };
    await tryEngine(create, { script, options: { growthBytesMax: 1_000_000 } }, async (trial) => {
      const speculation = { type: 'draft', model: trial.otherModel } as const;
      for (let turn = 0; turn < 3; turn += 1) await trial.ask('one', { speculation });
      const drafts = (): number =>
        trial.journal().filter((entry) => entry.event === 'call' && entry.operation === 'load-draft').length;
      expect(drafts()).toBe(1);
      await writeFile(trial.otherModel.path, 'GGUF, another one');
      await trial.ask('two', { speculation });
      expect(drafts()).toBe(2);
      await trial.ask('three');
      expect(spawns(trial)).toBe(1);
    });
  });

  it('waits for a draft model as long as for a model, not only until silence is suspicious', async () => {
    const faults = [{ at: 'load-draft', do: 'delay', ms: 300 } as const];
    await tryEngine(create, { script: { faults }, options: { silenceMsMax: 100 } }, async (trial) => {
      const speculation = { type: 'draft', model: trial.otherModel } as const;
      expect((await trial.ask('one', { speculation })).error).toBeNull();
    });
    const hang = [{ at: 'load-draft', do: 'delay', ms: 60_000 } as const];
    await tryEngine(create, { script: { faults: hang }, options: { loadMsMax: 1_500 } }, async (trial) => {
      const speculation = { type: 'draft', model: trial.otherModel } as const;
      expect((await trial.ask('one', { speculation })).error).toMatchObject({ code: 'ENGINE_LOAD_TIMEOUT' });
    });
  });

  it('leaves no process behind that loaded a model and then failed to tell its memory', async () => {
    const faults = [{ at: 'memory', do: 'failure', code: 'ENGINE_FAILED', message: 'no memory to tell' } as const];
    await tryEngine(create, { script: { faults } }, async (trial) => {
      expect((await trial.ask('one')).error).toMatchObject({ code: 'ENGINE_FAILED' });
      await untilGone(trial.pids()[0]);
    });
  });

  it('gives up a file check that takes longer than loading may', async () => {
    const checkModel = (): Promise<never> => new Promise(() => {});
    await tryEngine(create, { options: { checkModel, loadMsMax: 50 } }, async (trial) => {
      expect((await trial.ask('one')).error).toMatchObject({ code: 'ENGINE_LOAD_TIMEOUT' });
      expect(spawns(trial)).toBe(0);
    });
  });

  it.each([
    ['is another runtime’s', 'STATE_INVALID', { problem: 'foreign' }, { entries: 1, ignored: { foreign: 1 } }],
    ['another process removed meanwhile', 'STATE_INVALID', { problem: 'vanished' }, { entries: 1, ignored: {} }],
    ['was there when computing failed', 'ENGINE_FAILED', {}, { entries: 1, ignored: {} }],
    // Saved anew after it was removed.
    ['is damaged', 'STATE_INVALID', { problem: 'damaged' }, { saves: 1, ignored: { damaged: 1 } }],
  ] as const)(
    'answers without a saved state that %s, and removes only what is damaged',
    async (_what, code, facts, after) => {
      await withTemporaryFolder(async (folder) => {
        const model = { path: join(folder, 'kept.gguf'), name: 'kept' };
        await writeFile(model.path, 'GGUF');
        const content = 'Answer in one sentence, kindly, and never guess. '.repeat(16);
        const ask = async (text: string, faults: readonly Fault[]): Promise<StateCacheStatus | null> => {
          let cache: StateCacheStatus | null = null;
          const script = { evaluateMsPerToken: 4, timeScale: 0, faults };
          const options = { stateCache: { folder: join(folder, 'states') } };
          await tryEngine(create, { script, options }, async (trial) => {
            const messages = [{ role: 'system', content } as const, { role: 'user', content: text } as const];
            const { error } = await trial.ask({ type: 'chat', messages }, { model, maxTokens: 12 });
            expect(error).toBeNull();
            await trial.engine.close();
            cache = trial.engine.status().stateCache;
          });
          return cache;
        };
        expect(await ask('one', [])).toMatchObject({ saves: 1, entries: 1 });
        expect(await ask('two', [{ at: 'load-state', do: 'failure', code, message: 'no', facts }])).toMatchObject(
          after,
        );
        expect(await ask('three', [])).toMatchObject({ hits: 1, ignored: {} });
      });
    },
  );

  it('replaces a process that grows though answers overlap all the time', async () => {
    const script = { memory: { residentBytes: 5e6, anonymousBytes: 1e6, growthBytes: 400_000 }, pieceMs: 4 };
    await tryEngine(create, { script, options: { growthBytesMax: 1_000_000, slots: 2 } }, async (trial) => {
      // One answer is there all the time, so that nobody ever finds the process idle.
      const long = trial.ask('a long one', { maxTokens: 400 });
      for (let turn = 0; turn < 10; turn += 1) {
        expect((await trial.ask(`${turn}`, { maxTokens: 2 })).error).toBeNull();
      }
      expect((await long).error).toBeNull();
      const [first] = trial.pids();
      const answers = trial.journal().filter((entry) => entry.event === 'call' && entry.operation === 'generate');
      expect(answers.filter(({ pid }) => pid === first).length).toBeLessThanOrEqual(6);
      await untilGone(first);
    });
  });

  it('does not take its own checkpoints for growth', async () => {
    const script = {
      memory: { residentBytes: 5e6, anonymousBytes: 1e6, growthBytes: 400_000 },
      cutTokensMax: 64,
      checkpointBytes: 2e6,
    };
    await tryEngine(create, { script, options: { growthBytesMax: 1_000_000, slots: 1 } }, async (trial) => {
      const text = 'A long question about many things. '.repeat(20);
      for (let turn = 0; turn < 4; turn += 1) await trial.ask(`${turn} ${text}`, { maxTokens: 4 });
      expect(trial.journal().some((entry) => entry.event === 'call' && entry.operation === 'checkpoint')).toBe(true);
      expect(spawns(trial)).toBe(1);
    });
  });

  it('counts the cache of its contexts among the memory that a model needs', async () => {
    const options = { memoryBytesMax: 300 * 1024 ** 2 };
    await tryEngine(create, { options }, async (trial) => {
      // 128 KiB for each token.
      const facts = {
        block_count: 32,
        embedding_length: 1024,
        'attention.head_count': 8,
        'attention.head_count_kv': 8,
      };
      await writeFile(trial.model.path, ggufHead('llama', facts));
      expect((await trial.ask('one', { contextTokens: 512 })).error).toMatchObject({ code: 'MEMORY_EXCEEDED' });
      expect(spawns(trial)).toBe(0);
      const small = await create({ worker: scriptedWorker({}), ...options, slots: 1 });
      expect((await small.describe(trial.model, { contextTokens: 512 })).contextTokens).toBe(512);
      await small.close();
    });
  });

  it('ends a stalled chunk of a reproducible prompt soon after its abort, when nobody else loses by it', async () => {
    const faults = [{ at: 'evaluate', after: 64, do: 'delay', ms: 50_000, process: 1 } as const];
    await tryEngine(create, { script: { faults }, options: { abortMsMax: 50_000 } }, async (trial) => {
      const controller = new AbortController();
      const long = 'a prompt of several chunks. '.repeat(10);
      const answer = trial.ask(long, { reproducible: true }, { signal: controller.signal });
      await untilFault(trial);
      controller.abort();
      expect((await answer).end?.reason).toBe('aborted');
      expect((await trial.ask('next')).error).toBeNull();
      expect(spawns(trial)).toBe(2);
    });
  }, 20_000);

  it('keeps no states where the runtime cannot', async () => {
    await withTemporaryFolder((folder) => {
      const script = { evaluateMsPerToken: 4, timeScale: 0, capabilities: { savedState: false } };
      return tryEngine(create, { script, options: { stateCache: { folder } } }, async (trial) => {
        const content = 'Answer in one sentence, kindly, and never guess. '.repeat(16);
        const messages = [{ role: 'system', content } as const, { role: 'user', content: 'one' } as const];
        expect((await trial.ask({ type: 'chat', messages }, { maxTokens: 4 })).error).toBeNull();
        const states = trial.journal().filter((entry) => entry.event === 'call' && entry.operation.endsWith('-state'));
        expect(states).toEqual([]);
      });
    });
  });

  it('answers the same after an edit further back as a fresh process does', async () => {
    const early = { role: 'user' as const, content: 'On this long day of which we tell, the colour is red.' };
    const edited = { role: 'user' as const, content: 'On this long day of which we tell, the colour is blue.' };
    const rest = [
      { role: 'assistant' as const, content: 'I see.' },
      { role: 'user' as const, content: 'Which colour?' },
    ];
    let warmText = '';
    await tryEngine(create, {}, async (trial) => {
      await trial.ask({ type: 'chat', messages: [early, ...rest] });
      const warm = await trial.ask({ type: 'chat', messages: [edited, ...rest] });
      expect(warm.end?.usage.cachedTokens).toBeGreaterThan(0);
      warmText = warm.text;
    });
    await tryEngine(create, {}, async (trial) => {
      expect((await trial.ask({ type: 'chat', messages: [edited, ...rest] })).text).toBe(warmText);
    });
  });

  it('asks the file check before every load and starts nothing for a file it refuses', async () => {
    const checked: string[] = [];
    const checkModel = async (path: string): Promise<void> => {
      checked.push(path);
      throw new Error('not a model');
    };
    await tryEngine(create, { options: { checkModel } }, async (trial) => {
      await expect(trial.engine.describe(trial.model)).rejects.toThrow('not a model');
      expect(checked).toEqual([trial.model.path]);
      expect(spawns(trial)).toBe(0);
    });
  });
});

/** The beginning of a GGUF file with these numbers about its model. */
function ggufHead(architecture: string, facts: Readonly<Record<string, number>>): Buffer {
  const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
  const text = (value: string): Buffer => Buffer.concat([u32(value.length), u32(0), Buffer.from(value)]);
  const values = Object.entries(facts).flatMap(([key, value]) => [text(`${architecture}.${key}`), u32(4), u32(value)]);
  const counts = [u32(0), u32(0), u32(1 + values.length / 3), u32(0)];
  const name = [text('general.architecture'), u32(8), text(architecture)];
  return Buffer.concat([Buffer.from('GGUF'), u32(3), ...counts, ...name, ...values]);
}
