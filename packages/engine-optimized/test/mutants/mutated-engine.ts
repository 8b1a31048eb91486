import { GemmaError } from '@gemma-cli/contracts';
import type { Engine, EngineEvent, EngineOptions, GenerateRequest } from '@gemma-cli/contracts';
import { create } from '../../src/index.ts';

/** Wraps `generate` of an engine. */
type Mutate = (
  engine: Engine,
  request: GenerateRequest,
  options: { readonly signal?: AbortSignal | undefined } | undefined,
) => AsyncIterable<EngineEvent>;

/** Defects that the conformance suite must see. Each is one that a careless change could make. */
export const mutants: Readonly<Record<string, Mutate>> = {
  none: (engine, request, options) => engine.generate(request, options),
  'drops a delta': async function* (engine, request, options) {
    let deltas = 0;
    for await (const event of engine.generate(request, options)) {
      if (event.type === 'text-delta' && (deltas += 1) === 2) continue;
      yield event;
    }
  },
  'ends twice': async function* (engine, request, options) {
    for await (const event of engine.generate(request, options)) {
      yield event;
      if (event.type === 'generation-end') yield event;
    }
  },
  'counts a token too much': async function* (engine, request, options) {
    for await (const event of engine.generate(request, options))
      yield event.type === 'generation-end'
        ? { ...event, usage: { ...event.usage, cachedTokens: (event.usage.cachedTokens ?? 0) + 1 } }
        : event;
  },
  'starts before it is read': (engine, request, options) => {
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
  'cuts characters': async function* (engine, request, options) {
    for await (const event of engine.generate(request, options))
      if (event.type === 'text-delta')
        for (let unit = 0; unit < event.text.length; unit += 1)
          yield { type: 'text-delta', text: event.text.charAt(unit) };
      else yield event;
  },
  'does not hear an abort': (engine, request) => engine.generate(request),
  'answers on an old prefix': (engine, request, options) => {
    const { prompt } = request;
    if (prompt.type !== 'chat' || prompt.messages.length < 3) return engine.generate(request, options);
    return engine.generate({ ...request, prompt: { ...prompt, messages: prompt.messages.slice(0, -1) } }, options);
  },
  'forgets stop strings': (engine, request, options) => engine.generate({ ...request, stop: [] }, options),
  'hides a crash': async function* (engine, request, options) {
    try {
      yield* engine.generate(request, options);
    } catch (error) {
      throw new GemmaError({ code: 'INTERNAL', message: 'Something went wrong.', cause: error });
    }
  },
  'leaves processes behind': (engine, request, options) => engine.generate(request, options),
};

/** The optimized engine with one defect. */
export async function createMutated(name: string, options: EngineOptions): Promise<Engine> {
  const engine = await create(options);
  const mutate = mutants[name];
  if (mutate === undefined) throw new Error(`There is no mutant ${name}.`);
  const close = name === 'leaves processes behind' ? () => Promise.resolve() : () => engine.close();
  return {
    implementation: engine.implementation,
    generate: (request, callOptions) => mutate(engine, request, callOptions),
    describe: (...given) => engine.describe(...given),
    countTokens: (...given) => engine.countTokens(...given),
    status: () => engine.status(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
