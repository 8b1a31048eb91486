import { writeFile } from 'node:fs/promises';
import { tryEngine, untilGone } from '@gemma-cli/testkit';
import type { EngineTrial } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { create } from '../src/index.ts';

/** How many model processes were spawned so far. */
function spawns(trial: EngineTrial): number {
  return trial.pids().length;
}

describe('warm processes', () => {
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

  it('keeps two models and lets the least recently used one go', async () => {
    await tryEngine(create, {}, async (trial) => {
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

  it('answers the same after an edit further back as a fresh process does', async () => {
    const early = { role: 'user' as const, content: 'The colour is red, and the day is long.' };
    const edited = { role: 'user' as const, content: 'The colour is blue, and the day is long.' };
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
