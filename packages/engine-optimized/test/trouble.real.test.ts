import { copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import type { Engine, EngineOptions, GenerateRequest, ModelFile } from '@gemma-cli/contracts';
import { collectAnswer, realModel, until, withTemporaryFolder } from '@gemma-cli/testkit';
import type { CollectedAnswer } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { create } from '../src/index.ts';

const weights = realModel('gemma3:270m-base', { env: process.env, home: homedir() });
const greedy = { sampling: { temperature: 0 } } as const;

/** Refuses a file that is shorter than the real weights, as `inspectModelFile` of the models package does by its header. */
async function refuseShort(path: string): Promise<void> {
  const [given, whole] = await Promise.all([readFile(path), readFile(weights)]);
  if (given.length < whole.length) {
    throw new GemmaError({ code: 'MODEL_INVALID', message: 'The file is cut short.', facts: { path } });
  }
}

interface Trial {
  readonly engine: Engine;
  readonly model: ModelFile;
  ask(text: string, rest?: Partial<GenerateRequest>, onText?: (text: string) => void): Promise<CollectedAnswer>;
}

/** Runs `body` on an engine over a copy of the real weights. */
async function withEngine(options: EngineOptions, body: (trial: Trial) => Promise<void>): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const model = { path: join(folder, 'copy.gguf'), name: 'copy' };
    await copyFile(weights, model.path);
    const engine = await create({ threads: 1, checkModel: refuseShort, ...options });
    try {
      await body({
        engine,
        model,
        ask: (text, rest = {}, onText = () => {}) =>
          collectAnswer(
            engine.generate({ model, prompt: { type: 'completion', text }, maxTokens: 12, ...greedy, ...rest }),
            (event) => {
              if (event.type === 'text-delta') onText(event.text);
            },
          ),
      });
    } finally {
      await engine.close();
    }
  });
}

describe('a model file that is cut short under a running answer', () => {
  it('ends no host: the answer ends soundly, the next prompt is refused, and answered when the file is whole', async () => {
    await withEngine({}, async ({ model, ask }) => {
      let cut: Promise<void> | undefined;
      const running = await ask('Once upon a time', { maxTokens: 40 }, () => {
        cut ??= truncate(model.path, 1_000_000);
      });
      await cut;
      // The weights are in the memory of the process, so the answer does not even notice.
      expect(running.error).toBeNull();
      expect(running.end?.usage.outputTokens).toBe(40);

      expect((await ask('And then')).error?.code).toBe('MODEL_INVALID');
      await writeFile(model.path, await readFile(weights));
      const next = await ask('And then');
      expect(next.error).toBeNull();
      expect(next.text).not.toBe('');
    });
  });
});

describe('a model process that is stopped', () => {
  it('for thirty seconds goes on with the same answer', { timeout: 240_000 }, async () => {
    await withEngine({}, async ({ engine, ask }) => {
      const undisturbed = await ask('The first thing to know is', { maxTokens: 24, reproducible: true });
      const pid = engine.status().processes[0]?.pid ?? 0;
      let wake: NodeJS.Timeout | undefined;
      const disturbed = await ask('The first thing to know is', { maxTokens: 24, reproducible: true }, () => {
        if (wake !== undefined) return;
        process.kill(pid, 'SIGSTOP');
        wake = setTimeout(() => process.kill(pid, 'SIGCONT'), 30_000);
      });
      expect(disturbed.error).toBeNull();
      expect(disturbed.text).toBe(undisturbed.text);
      expect(disturbed.end?.timings.totalMs).toBeGreaterThan(29_000);
      expect(engine.status().processes[0]?.pid).toBe(pid);
    });
  });

  it('for longer than the deadline is a typed error, keeps the text, and the next prompt is answered', async () => {
    await withEngine({ silenceMsMax: 20_000 }, async ({ engine, ask }) => {
      await ask('One');
      const pid = engine.status().processes[0]?.pid ?? 0;
      let isStopped = false;
      const { error, text } = await ask('The first thing to know is', { maxTokens: 64 }, () => {
        if (!isStopped) process.kill(pid, 'SIGSTOP');
        isStopped = true;
      });
      expect(error?.code).toBe('ENGINE_UNRESPONSIVE');
      expect(text).not.toBe('');
      await until('the stopped process is gone', () => engine.status().processes.every((one) => one.pid !== pid));
      const next = await ask('The first thing to know is');
      expect(next.error).toBeNull();
    });
  });
});

describe('two engines on one state cache', () => {
  it('save and restore at the same time, and both answer as without it', async () => {
    await withTemporaryFolder(async (folder) => {
      const stateCache = { folder };
      const story = 'The quick brown fox jumps over the lazy dog while the sun sets behind the hills. '.repeat(30);
      const request = { stablePrefix: { characters: story.length }, maxTokens: 8, reproducible: true };
      let plain = '';
      await withEngine({}, async ({ ask }) => {
        plain = (await ask(`${story}And`, request)).text;
      });
      for (const round of [1, 2]) {
        await withEngine({ stateCache }, async (one) => {
          await withEngine({ stateCache }, async (other) => {
            const sha256 = 'ab'.repeat(32);
            const answers = await Promise.all(
              [one, other].map((trial) => trial.ask(`${story}And`, { ...request, model: { ...trial.model, sha256 } })),
            );
            expect(answers.map(({ error }) => error)).toEqual([null, null]);
            expect(answers.map(({ text }) => text)).toEqual([plain, plain]);
            const restored = answers.map(({ end }) => end?.usage.restoredTokens ?? 0);
            if (round === 2) expect(Math.min(...restored)).toBeGreaterThan(400);
            expect(one.engine.status().stateCache?.ignored).toEqual({});
          });
        });
      }
    });
  });
});
