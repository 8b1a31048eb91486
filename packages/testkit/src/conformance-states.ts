import { mkdir, readFile, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { EngineOptions, ModelFile, Prompt, StateCacheStatus } from '@gemma-cli/contracts';
import type { CollectedAnswer } from './collect-answer.ts';
import { promise } from './conformance-subject.ts';
import type { EngineSubject } from './conformance-subject.ts';
import { tryEngine } from './engine-trial.ts';
import type { EngineTrial } from './engine-trial.ts';
import { oracle, whole } from './oracle.ts';
import { withTemporaryFolder } from './temporary-folder.ts';
import { journalPids } from './worker-journal.ts';
import type { Fault, WorkerScript } from './worker-script.ts';

/** So slow that every long prefix is worth its bytes, without a test that waits. */
const slow: WorkerScript = { evaluateMsPerToken: 4, timeScale: 0 };

/** About eight hundred tokens that come again. */
const rules = 'Answer in one sentence, kindly, and never guess. '.repeat(16);

/** A folder with a model and a state cache that outlive an engine. */
interface Place {
  readonly folder: string;
  readonly states: string;
  readonly model: ModelFile;
  /** Runs a new engine on this place. */
  engine(
    body: (trial: EngineTrial) => Promise<void>,
    options?: EngineOptions,
    faults?: readonly Fault[],
  ): Promise<void>;
  /** Asks in a new engine under the rules, checks the text, and gives the answer and what the cache said after close. */
  ask(
    question: string,
    options?: EngineOptions,
    faults?: readonly Fault[],
  ): Promise<{ readonly answer: CollectedAnswer; readonly cache: StateCacheStatus }>;
  /** Every file of the state cache. */
  files(): Promise<readonly string[]>;
}

/** Declares what is kept on disk between engines, and what happens when it cannot be trusted. */
export function declareStatePromises(subject: EngineSubject): void {
  const { createEngine } = subject;
  const promised = (title: string, body: (place: Place) => Promise<void>): void =>
    promise(subject, title, () => inPlace(subject, body), 'stateCache');

  describe('state cache', () => {
    promised(
      'gives the state of a stable beginning to the next engine, which evaluates only the rest',
      async ({ ask }) => {
        const first = await ask('What is rain?');
        expect(first.answer.end?.usage).not.toHaveProperty('restoredTokens');
        expect(first.cache).toMatchObject({ saves: 1, entries: 1, hits: 0, ignored: {} });
        expect(first.cache.bytes).toBeGreaterThan(0);
        const second = await ask('What is snow, and why?');
        expect(second.answer.end?.usage.restoredTokens).toBeGreaterThanOrEqual(0.9 * rules.length);
        expect(second.answer.end?.usage.evaluatedTokens).toBeLessThan(0.1 * rules.length + 64);
        expect(second.cache).toMatchObject({ hits: 1, ignored: {} });
        expect(second.cache.entries, 'the same beginning is kept once').toBe(1);
      },
    );

    promised('gives it to the next process of the same engine too', ({ engine, model }) =>
      engine(
        async (trial) => {
          await askUnderRules(trial, model, 'one');
          const { end } = await askUnderRules(trial, model, 'two');
          expect(end?.usage.restoredTokens).toBeGreaterThan(0);
          expect(journalPids(trial.journal()).length).toBe(2);
        },
        { keepAliveMs: 0 },
      ),
    );

    promised(
      'keeps what the caller calls stable: messages, or characters of a completion',
      async ({ engine, model }) => {
        const document = 'The treaty has many articles, and this is one of them. '.repeat(20);
        const prompts: readonly [Prompt, Prompt, { messages: number } | { characters: number }][] = [
          [
            { type: 'completion', text: `${document}First question` },
            { type: 'completion', text: `${document}Second one` },
            { characters: document.length },
          ],
          [
            {
              type: 'chat',
              messages: [
                { role: 'user', content: document },
                { role: 'assistant', content: 'ok' },
                { role: 'user', content: 'a?' },
              ],
            },
            {
              type: 'chat',
              messages: [
                { role: 'user', content: document },
                { role: 'assistant', content: 'ok' },
                { role: 'user', content: 'other?' },
              ],
            },
            { messages: 2 },
          ],
        ];
        for (const [first, second, stablePrefix] of prompts) {
          await engine(async ({ ask }) => void (await ask(first, { model, stablePrefix, maxTokens: 9 })));
          await engine(async ({ ask }) => {
            const { text, end } = await ask(second, { model, stablePrefix, maxTokens: 9 });
            expect(whole(text)).toBe(oracle(second, 9).text);
            expect(end?.usage.restoredTokens).toBeGreaterThanOrEqual(0.9 * document.length);
          });
        }
      },
    );

    promised(
      'keeps results of tools that the caller calls stable, without the words behind them',
      async ({ engine, model }) => {
        const document = 'The treaty has many articles, and this is one of them. '.repeat(20);
        const call = { id: 'call_1', name: 'read', arguments: '{}' };
        const asked = (question: string): Prompt => ({
          type: 'chat',
          messages: [
            { role: 'user', content: 'Read both.' },
            { role: 'assistant', content: '', toolCalls: [call, { ...call, id: 'call_2' }] },
            { role: 'tool', content: 'Short.', toolCallId: 'call_1' },
            { role: 'tool', content: document, toolCallId: 'call_2' },
            { role: 'user', content: question },
          ],
        });
        const rest = { model, stablePrefix: { messages: 4 }, maxTokens: 9 };
        await engine(async ({ ask }) => void (await ask(asked('How many?'), rest)));
        let fresh = '';
        await engine(async ({ ask }) => void (fresh = (await ask(asked('Which one?'), rest)).text), {
          stateCache: undefined,
        });
        await engine(async ({ ask }) => {
          const { text, end } = await ask(asked('Which one?'), rest);
          expect(text).toBe(fresh);
          expect(end?.usage.restoredTokens).toBeGreaterThanOrEqual(0.9 * document.length);
        });
      },
    );

    promised('is bounded in bytes: the least recently used states go', async ({ engine, model, files, states }) => {
      const bytesMax = 60_000;
      await engine(
        async (trial) => {
          for (let topic = 0; topic < 8; topic += 1)
            await askUnderRules(trial, model, 'what?', `Topic ${topic}. ${rules}`);
        },
        { stateCache: { folder: states, bytesMax } },
      );
      const sizes = await Promise.all((await files()).map(async (path) => (await stat(path)).size));
      expect(sizes.length).toBeGreaterThan(0);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(bytesMax);
    });

    const damages: readonly (readonly [title: string, damage: (path: string) => Promise<void>])[] = [
      ['cut to half its length', async (path) => truncate(path, Math.floor((await stat(path)).size / 2))],
      ['emptied', (path) => truncate(path, 0)],
      [
        'changed in one bit',
        async (path) => {
          const bytes = await readFile(path);
          const middle = Math.floor(bytes.length / 2);
          bytes[middle] = (bytes[middle] ?? 0) ^ 4;
          await writeFile(path, bytes);
        },
      ],
      ['replaced by something else', (path) => writeFile(path, 'not a state at all')],
      ['longer than it was', async (path) => writeFile(path, 'and more', { flag: 'a' })],
    ];
    for (const [title, damage] of damages)
      promised(`ignores states whose files were ${title}, says so, and saves a new one`, async ({ ask, files }) => {
        await ask('one');
        for (const path of await files()) await damage(path);
        const { answer, cache } = await ask('two');
        expect(answer.end?.usage.restoredTokens ?? 0).toBe(0);
        expect(Object.values(cache.ignored).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
        expect((await ask('three')).answer.end?.usage.restoredTokens).toBeGreaterThan(0);
      });

    promised('never uses the state of another model, also under the same name', async ({ ask, model, files }) => {
      await ask('one');
      const before = await files();
      await writeFile(model.path, 'GGUF of other weights, which came in its place');
      const { answer } = await ask('two');
      expect(answer.end?.usage.restoredTokens ?? 0).toBe(0);
      expect(before.length).toBeGreaterThan(0);
      expect((await ask('three')).answer.end?.usage.restoredTokens, 'its own one').toBeGreaterThan(0);
    });

    promised('never uses a state that lies where that of another model belongs', async ({ ask, model, files }) => {
      await ask('one');
      const ours = await files();
      const bytes = await Promise.all(ours.map((path) => readFile(path)));
      await writeFile(model.path, 'GGUF of other weights, which came in its place');
      await ask('two');
      const theirs = (await files()).filter((path) => !ours.includes(path));
      expect(theirs.map(fileName).toSorted()).toEqual(ours.map(fileName).toSorted());
      for (const path of theirs) {
        const index = ours.findIndex((our) => fileName(our) === fileName(path));
        await writeFile(path, bytes[index] ?? '');
      }
      const { answer, cache } = await ask('three');
      expect(answer.end?.usage.restoredTokens ?? 0).toBe(0);
      expect(cache.ignored).toMatchObject({ foreign: 1 });
    });

    promised('never uses a state of another context or cache', async ({ engine, ask, model }) => {
      await ask('one');
      for (const [options, contextTokens] of [
        [{}, 3_000],
        [{ compactCache: true }, undefined],
      ] as const)
        await engine(async (trial) => {
          const { end } = await askUnderRules(trial, model, 'two', rules, contextTokens);
          expect(end?.usage.restoredTokens ?? 0).toBe(0);
        }, options);
    });

    promised('answers reproducibly from a state as without one', async ({ engine, model }) => {
      const texts: string[] = [];
      const restored: number[] = [];
      for (let turn = 0; turn < 3; turn += 1)
        await tryEngine(
          createEngine,
          {
            script: { ...slow, batchSensitive: true },
            options: { stateCache: { folder: join(model.path, '..', 'r') } },
          },
          async ({ ask }) => {
            const { text, end } = await ask(underRules('why?'), { model, reproducible: turn > 0, maxTokens: 30 });
            if (turn > 0) texts.push(text);
            restored.push(end?.usage.restoredTokens ?? 0);
          },
        );
      await engine(async (trial) => void (await askUnderRules(trial, model, 'unrelated')));
      // What came about in other chunks is no beginning for reproducible text.
      expect(restored[1], 'restored by the first reproducible turn').toBe(0);
      expect(restored[2], 'restored by the second one').toBeGreaterThan(0);
      expect(texts[1]).toBe(texts[0]);
    });

    promised('on a full disk answers all the same and leaves nothing that could be used', async ({ ask, files }) => {
      const full: readonly Fault[] = [{ at: 'save-state', do: 'disk-full', always: true }];
      const { cache } = await ask('one', {}, full);
      expect(cache.saves).toBe(0);
      expect(await files()).toEqual([]);
      const { answer } = await ask('two');
      expect(answer.end?.usage.restoredTokens ?? 0).toBe(0);
      expect((await ask('three')).answer.end?.usage.restoredTokens).toBeGreaterThan(0);
    });

    for (const [title, faults] of [
      ['fails to load', [{ at: 'load-state', do: 'failure', code: 'ENGINE_FAILED', message: 'no' }]],
      ['cannot save', [{ at: 'save-state', do: 'failure', code: 'FILE_UNREADABLE', message: 'no' }]],
    ] as const satisfies readonly (readonly [string, readonly Fault[]])[])
      promised(`answers all the same when the model process ${title}`, async ({ ask }) => {
        await ask('one');
        const { answer } = await ask('two', {}, faults);
        expect(answer.error).toBeNull();
      });

    promised(
      'of a process that dies while it saves or loads leaves typed errors and nothing corrupt',
      async ({ engine, ask, model }) => {
        for (const at of ['save-state', 'load-state'] as const) {
          await engine(
            async (trial) => {
              const first = await trial.ask(underRules('one'), { model, maxTokens: 12 });
              if (first.error !== null) expect(first.error.code).toBe('ENGINE_EXITED');
              await askUnderRules(trial, model, 'two');
            },
            {},
            [{ at, do: 'kill', signal: 'SIGKILL', process: 1 }],
          );
          await ask('after');
        }
      },
    );

    promised(
      'in a folder that cannot be made is as good as none, and says so in the log',
      async ({ engine, folder, model }) => {
        await writeFile(join(folder, 'a-file'), '');
        const lines: string[] = [];
        await engine(async (trial) => void (await askUnderRules(trial, model, 'one')), {
          stateCache: { folder: join(folder, 'a-file', 'states') },
          log: (line) => lines.push(line),
        });
        expect(lines.length).toBeGreaterThan(0);
      },
    );

    promised('may be shared by two engines at the same time', async ({ engine, ask, model }) => {
      for (let round = 0; round < 2; round += 1)
        await engine((one) =>
          engine(async (other) => {
            await Promise.all(
              [one, other].flatMap((trial, index) =>
                ['a', 'b'].map((topic) => askUnderRules(trial, model, `question ${index}`, `${topic} ${rules}`)),
              ),
            );
          }),
        );
      const { cache } = await ask('alone', {});
      expect(cache.ignored).toEqual({});
      expect(cache.entries).toBeGreaterThanOrEqual(2);
    });

    promise(subject, 'is nowhere unless a folder is given', () =>
      tryEngine(createEngine, { script: slow }, async ({ ask, engine, journal }) => {
        await ask(underRules('one'), { maxTokens: 9 });
        expect(engine.status().stateCache).toBeNull();
        expect(journal().some((entry) => entry.event === 'call' && entry.operation === 'save-state')).toBe(false);
      }),
    );
  });
}

function underRules(question: string, system: string = rules): Prompt {
  return {
    type: 'chat',
    messages: [
      { role: 'system', content: system },
      { role: 'user', content: question },
    ],
  };
}

/** Asks and checks the text: a state that does not fit would change it. */
async function askUnderRules(
  trial: EngineTrial,
  model: ModelFile,
  question: string,
  system: string = rules,
  contextTokens = 8_192,
): Promise<CollectedAnswer> {
  const prompt = underRules(question, system);
  const answer = await trial.ask(prompt, { model, maxTokens: 16, contextTokens });
  expect(answer.error).toBeNull();
  expect(whole(answer.text)).toBe(oracle(prompt, 16).text);
  return answer;
}

async function inPlace({ createEngine }: EngineSubject, body: (place: Place) => Promise<void>): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const states = join(folder, 'states');
    const model: ModelFile = { path: join(folder, 'kept.gguf'), name: 'kept' };
    await Promise.all([mkdir(states), writeFile(model.path, 'GGUF kept')]);
    const place: Place = {
      folder,
      states,
      model,
      engine: (run, options = {}, faults = []) =>
        tryEngine(
          createEngine,
          { script: { ...slow, faults }, options: { stateCache: { folder: states }, ...options } },
          run,
        ),
      async ask(question, options, faults) {
        let answer: CollectedAnswer | undefined;
        let cache: StateCacheStatus | null = null;
        await place.engine(
          async (trial) => {
            answer = await askUnderRules(trial, model, question);
            // What is saved beside the answer is there when the engine is closed.
            await trial.engine.close();
            cache = trial.engine.status().stateCache;
          },
          options,
          faults,
        );
        if (answer === undefined || cache === null)
          throw new Error('The engine has a folder for states, and shows no cache.');
        return { answer, cache };
      },
      async files() {
        const entries = await readdir(states, { recursive: true, withFileTypes: true });
        return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      },
    };
    await body(place);
  });
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
