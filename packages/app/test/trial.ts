import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  isGemmaError,
  type Engine,
  type EngineOptions,
  type GemmaError,
  type ImplementationName,
} from '@gemma-cli/contracts';
import { create as createLegacy } from '@gemma-cli/engine';
import { create as createOptimized } from '@gemma-cli/engine-optimized';
import {
  readJournal,
  scriptedWorker,
  withTemporaryFolder,
  type JournalEntry,
  type WorkerScript,
} from '@gemma-cli/testkit';
import { createApp, type App, type AppDefaults, type AppEvent, type AppModel } from '../src/index.ts';

const engines: Readonly<Record<ImplementationName, (options: EngineOptions) => Promise<Engine>>> = {
  legacy: createLegacy,
  optimized: createOptimized,
};

/** A model of the list, its file made when the trial begins. */
export interface TrialModel extends Partial<Omit<AppModel, 'path'>> {
  readonly name: string;
}

export interface TrialOptions {
  readonly implementation?: ImplementationName;
  readonly script?: WorkerScript;
  readonly models?: readonly TrialModel[];
  readonly defaults?: AppDefaults;
  readonly reason?: string;
  readonly engineOptions?: EngineOptions;
}

export interface Trial {
  readonly app: App;
  journal(): readonly JournalEntry[];
  /** What the model was given, one readable text per answer. */
  prompts(): readonly string[];
  readonly enginesMade: () => number;
}

/** Runs `body` with an app over a real engine and a scripted model process. */
export function tryApp(options: TrialOptions, body: (trial: Trial) => Promise<void>): Promise<void> {
  const {
    implementation = 'optimized',
    script = {},
    models = [{ name: 'tiny' }],
    defaults,
    reason,
    engineOptions,
  } = options;
  return withTemporaryFolder(async (folder) => {
    const journalPath = join(folder, 'journal.jsonl');
    const installed: AppModel[] = models.map((model) => ({
      chat: true,
      format: 'gguf',
      embedding: false,
      problem: null,
      path: join(folder, `${model.name.replace(':', '-')}.gguf`),
      ...model,
    }));
    for (const { path } of installed) await writeFile(path, 'GGUF');
    let enginesMade = 0;
    const app = createApp({
      engine: async () => {
        enginesMade += 1;
        const engine = await engines[implementation]({
          worker: scriptedWorker({ journal: journalPath, ...script }),
          ...engineOptions,
        });
        const requested = reason === undefined ? implementation : 'optimized';
        return {
          engine,
          resolution: {
            contract: 'engine',
            requested,
            active: implementation,
            ...(reason === undefined ? {} : { reason }),
          },
        };
      },
      models: {
        find: (reference) =>
          Promise.resolve(installed.find(({ name, path }) => name === reference || path === reference)),
        list: () => Promise.resolve(installed),
      },
      ...(defaults === undefined ? {} : { defaults }),
    });
    try {
      await body({
        app,
        journal: () => readJournal(journalPath),
        prompts: () => readJournal(journalPath).flatMap((entry) => (entry.event === 'decode' ? [entry.prompt] : [])),
        enginesMade: () => enginesMade,
      });
    } finally {
      await app.close();
    }
  });
}

/** What an answer gave. */
export interface Collected {
  readonly events: readonly AppEvent[];
  readonly text: string;
  readonly error: GemmaError | undefined;
  readonly notices: readonly string[];
  readonly start: Extract<AppEvent, { type: 'answer-start' }> | undefined;
  readonly end: Extract<AppEvent, { type: 'generation-end' }> | undefined;
}

/** Reads an answer to its end or its typed error. */
export async function collect(
  answer: AsyncIterable<AppEvent>,
  onEvent?: (event: AppEvent, text: string) => void,
): Promise<Collected> {
  const events: AppEvent[] = [];
  let text = '';
  let error: GemmaError | undefined;
  try {
    for await (const event of answer) {
      events.push(event);
      if (event.type === 'text-delta') text += event.text;
      onEvent?.(event, text);
    }
  } catch (thrown) {
    if (!isGemmaError(thrown)) throw thrown;
    error = thrown;
  }
  return {
    events,
    text,
    error,
    notices: events.flatMap((event) => (event.type === 'notice' ? [event.code] : [])),
    start: events.find((event) => event.type === 'answer-start'),
    end: events.find((event) => event.type === 'generation-end'),
  };
}
