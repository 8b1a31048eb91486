import type { Engine, EngineEvent, EngineOptions, GenerateRequest } from '@gemma-cli/contracts';
import { GemmaError } from '@gemma-cli/contracts';

/** A defect that the conformance suite must see. Each is one that a careless change could make. */
export type Mutant = {
  /** The beginning of the title of a promise that it breaks. */
  readonly breaks: string;
} & (
  | { readonly in: 'answers'; readonly generate: Mutate }
  | { readonly in: 'options'; readonly options: (options: EngineOptions) => EngineOptions }
  /** In what passes between engine and model process; `relay-worker.mjs` does it under this name. */
  | { readonly in: 'messages'; readonly change: string }
  /** In a copy of the sources: every text is found and replaced. */
  | {
      readonly in: 'sources';
      readonly file: string;
      readonly changes: readonly (readonly [find: string, replace: string])[];
    }
  | { readonly in: 'close' }
);

/** Wraps `generate` of an engine. */
type Mutate = (
  engine: Engine,
  request: GenerateRequest,
  options: { readonly signal?: AbortSignal | undefined } | undefined,
) => AsyncIterable<EngineEvent>;

/** By name: what such an engine does. */
export const mutants: Readonly<Record<string, Mutant>> = {
  'drops a delta': {
    breaks: 'yields the text that the model says',
    in: 'answers',
    async *generate(engine, request, options) {
      let deltas = 0;
      for await (const event of engine.generate(request, options)) {
        if (event.type === 'text-delta' && (deltas += 1) === 2) continue;
        yield event;
      }
    },
  },
  'ends twice': {
    breaks: 'begins a cold answer with load-start and load-end',
    in: 'answers',
    async *generate(engine, request, options) {
      for await (const event of engine.generate(request, options)) {
        yield event;
        if (event.type === 'generation-end') yield event;
      }
    },
  },
  'counts a token too much': {
    breaks: 'counts the prompt as cached and evaluated tokens',
    in: 'answers',
    async *generate(engine, request, options) {
      for await (const event of engine.generate(request, options))
        yield event.type === 'generation-end'
          ? { ...event, usage: { ...event.usage, cachedTokens: (event.usage.cachedTokens ?? 0) + 1 } }
          : event;
    },
  },
  'starts before it is read': {
    breaks: 'does nothing before the first next',
    in: 'answers',
    generate(engine, request, options) {
      const iterator = engine.generate(request, options)[Symbol.asyncIterator]();
      let first: Promise<IteratorResult<EngineEvent>> | undefined = iterator.next();
      return {
        [Symbol.asyncIterator]: () => ({
          next: () => {
            const result = first ?? iterator.next();
            first = undefined;
            return result;
          },
          return: () => iterator.return?.() ?? Promise.resolve({ done: true, value: undefined }),
        }),
      };
    },
  },
  'cuts characters': {
    breaks: 'shows whole characters when every 7 bytes are a piece, as text',
    in: 'answers',
    async *generate(engine, request, options) {
      for await (const event of engine.generate(request, options))
        if (event.type === 'text-delta')
          for (let unit = 0; unit < event.text.length; unit += 1)
            yield { type: 'text-delta', text: event.text.charAt(unit) };
        else yield event;
    },
  },
  'does not hear an abort': {
    breaks: 'that came before the request starts nothing',
    in: 'answers',
    generate: (engine, request) => engine.generate(request),
  },
  'answers on an old prefix': {
    breaks: 'answers as if every turn were the first',
    in: 'answers',
    generate(engine, request, options) {
      const { prompt } = request;
      if (prompt.type !== 'chat' || prompt.messages.length < 3) return engine.generate(request, options);
      return engine.generate({ ...request, prompt: { ...prompt, messages: prompt.messages.slice(0, -1) } }, options);
    },
  },
  'forgets stop strings': {
    breaks: 'are found across pieces',
    in: 'answers',
    generate: (engine, request, options) => engine.generate({ ...request, stop: [] }, options),
  },
  'hides a crash': {
    breaks: 'of a process that is decoding .exit. is a typed error',
    in: 'answers',
    async *generate(engine, request, options) {
      try {
        yield* engine.generate(request, options);
      } catch (error) {
        throw new GemmaError({ code: 'INTERNAL', message: 'Something went wrong.', cause: error });
      }
    },
  },
  'keeps changes of threads to itself': {
    breaks: 'are stepped down within a few tokens',
    in: 'answers',
    async *generate(engine, request, options) {
      for await (const event of engine.generate(request, options)) if (event.type !== 'threads-changed') yield event;
    },
  },
  'leaves processes behind': { breaks: 'is safe to call twice', in: 'close' },

  'answers one request after the other': {
    breaks: 'answers four requests on one process at the same time',
    in: 'options',
    options: (options) => ({ ...options, slots: 1 }),
  },
  'takes more requests at once than it was told': {
    breaks: 'keeps at most .slots. requests at work',
    in: 'options',
    options: (options) => ({ ...options, slots: 8 }),
  },
  'never adapts its threads': {
    breaks: 'are found wanting within the first tokens',
    in: 'options',
    options: (options) => ({ ...options, adaptThreads: false }),
  },
  'adapts its threads though it must not': {
    breaks: 'are left alone when they must not adapt',
    in: 'options',
    options: (options) => ({ ...options, adaptThreads: true }),
  },
  'evaluates as much at once as it can': {
    breaks: 'grow where evaluating is fast and stay within chunkMsMax',
    in: 'options',
    options: (options) => ({ ...options, chunkMsMax: 1_000_000 }),
  },
  'keeps states without a bound': {
    breaks: 'is bounded in bytes',
    in: 'options',
    options: (options) => ({
      ...options,
      ...(options.stateCache && { stateCache: { folder: options.stateCache.folder } }),
    }),
  },
  'never replaces a process that grows': {
    breaks: 'replaces a process whose anonymous memory grew',
    in: 'options',
    options: (options) => ({ ...options, growthBytesMax: 2 ** 50 }),
  },
  'does not care for memory': {
    breaks: 'unloads the least recently used idle model',
    in: 'options',
    options: (options) => ({ ...options, memoryBytesMax: 2 ** 50 }),
  },

  'computes reproducible text among others': {
    breaks: 'answers a reproducible request alike, alone and among others',
    in: 'messages',
    change: 'alone-is-forgotten',
  },
  'believes every cut': {
    breaks: 'answers right when a cut keeps fewer tokens',
    in: 'messages',
    change: 'cuts-are-believed',
  },
  'forgets the grammar': {
    breaks: 'is a grammar for the model process',
    in: 'messages',
    change: 'grammar-is-forgotten',
  },
  'only says that it changed its threads': {
    breaks: 'are stepped down within a few tokens',
    in: 'messages',
    change: 'threads-are-not-set',
  },
  'takes more threads than it was given': {
    breaks: 'are never more than the options say',
    in: 'messages',
    change: 'more-threads',
  },
  'lets an aborted answer go on': {
    breaks: 'while decoding ends an answer that would be long',
    in: 'messages',
    change: 'aborts-are-kept-back',
  },

  'takes the state of another model': {
    breaks: 'never uses a state that lies where that of another model belongs',
    in: 'sources',
    file: 'state-cache.ts',
    changes: [['description.modelKey === expected.modelKey', 'true']],
  },
  'knows a model by its name alone': {
    breaks: 'never uses the state of another model, also under the same name',
    in: 'sources',
    file: 'state-cache.ts',
    changes: [['[model.path, file.size, file.mtimeMs, file.ino]', '[model.path]']],
  },
  'takes the state of another context': {
    breaks: 'never uses a state of another context',
    in: 'sources',
    file: 'state-cache.ts',
    changes: [
      ['JSON.stringify([weights, contextTokens, compactCache, runtime.name', 'JSON.stringify([weights, runtime.name'],
    ],
  },
  'loads a model once for each who waits': {
    breaks: 'loads a cold model once for eight requests',
    in: 'sources',
    file: 'model-pool.ts',
    changes: [['entry.loading ??= load(entry);', 'entry.loading = load(entry);']],
  },
  'stops loading when the first one leaves': {
    breaks: 'goes on loading for the others',
    in: 'sources',
    file: 'model-pool.ts',
    changes: [['if (loading.waiting === 0) giveUp(entry, loading);', 'giveUp(entry, loading);']],
  },
  'takes any slot': {
    breaks: 'stay cached while the user switches between them',
    in: 'sources',
    file: 'slot.ts',
    changes: [
      ['const sharedBy = (slot: Slot): number => shared.get(slot) ?? 0;', 'const sharedBy = (_: Slot): number => 0;'],
    ],
  },
  'makes no checkpoints': {
    breaks: 'of a model with a sliding window come back to what they share',
    in: 'sources',
    file: 'warm-host.ts',
    changes: [['if (warm.checkpointsMax === 0 ||', 'if (warm.checkpointsMax !== undefined ||']],
  },
};
