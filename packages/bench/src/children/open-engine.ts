import { pathToFileURL } from 'node:url';
import type {
  Engine,
  EngineModule,
  EngineOptions,
  GenerateRequest,
  GenerationEnd,
  ImplementationName,
  ThreadsChanged,
} from '@gemma-cli/contracts';
import { inspectModelFile } from '@gemma-cli/models';

/** Which engine a measured process opens. */
export interface EngineOrders {
  readonly engine: ImplementationName;
  /** Absolute path of the model file. */
  readonly model: string;
  /** Default: the engine's choice. */
  readonly threads?: number | undefined;
  /** Default: the engine's choice. */
  readonly adaptThreads?: boolean;
  /** Default: the engine's choice. */
  readonly slots?: number;
  /** A module in place of the engine package. Absolute path. */
  readonly engineModule?: string;
}

const engines: Readonly<Record<ImplementationName, () => Promise<EngineModule>>> = {
  legacy: () => import('@gemma-cli/engine'),
  optimized: () => import('@gemma-cli/engine-optimized'),
};

/** The orders of this process: its only argument, as JSON. */
export function readOrders(): unknown {
  return JSON.parse(process.argv[2] ?? '');
}

/** Opens the engine, with the header check before every load, as the command does it. */
export async function openEngine(
  { engine, threads, adaptThreads, slots, engineModule }: EngineOrders,
  options: EngineOptions = {},
): Promise<Engine> {
  const { create } =
    engineModule === undefined
      ? await engines[engine]()
      : ((await import(pathToFileURL(engineModule).href)) as EngineModule);
  return create({ checkModel: inspectModelFile, threads, adaptThreads, slots, ...options });
}

/** What came of one request. Times are of `performance.now()`. */
export interface Answer {
  readonly text: string;
  readonly startedAt: number;
  /** When each piece of text reached this process. */
  readonly deltasAt: readonly number[];
  /** From the request to the first text. `null` when none came. */
  readonly ttftMs: number | null;
  readonly endedAt: number;
  readonly end: GenerationEnd;
}

/** Sends a greedy completion and reads the answer. */
export async function ask(
  engine: Engine,
  model: string,
  text: string,
  rest: Omit<Partial<GenerateRequest>, 'model' | 'prompt'> = {},
  {
    signal,
    onDelta = () => {},
    onLoaded = () => {},
    onThreads = () => {},
  }: {
    readonly signal?: AbortSignal;
    readonly onDelta?: (at: number) => void;
    readonly onLoaded?: () => void;
    readonly onThreads?: (event: ThreadsChanged) => void;
  } = {},
): Promise<Answer> {
  const startedAt = performance.now();
  const deltasAt: number[] = [];
  let answer = '';
  let end: GenerationEnd | undefined;
  const request: GenerateRequest = {
    model: { path: model },
    prompt: { type: 'completion', text },
    sampling: { temperature: 0, seed: 1 },
    ...rest,
  };
  for await (const event of engine.generate(request, { signal })) {
    if (event.type === 'text-delta') {
      const at = performance.now();
      deltasAt.push(at);
      answer += event.text;
      onDelta(at);
    } else if (event.type === 'load-end') onLoaded();
    else if (event.type === 'threads-changed') onThreads(event);
    else if (event.type === 'generation-end') end = event;
  }
  if (end === undefined) throw new Error(`No end came for the prompt that begins "${text.slice(0, 30)}".`);
  const first = deltasAt[0];
  return {
    text: answer,
    startedAt,
    deltasAt,
    ttftMs: first === undefined ? null : first - startedAt,
    endedAt: performance.now(),
    end,
  };
}

/** The wait for the first text of an answer that must have one. */
export function ttftOf({ ttftMs, end }: Answer): number {
  if (ttftMs === null) throw new Error(`An answer had no text; it ended with reason ${end.reason}.`);
  return ttftMs;
}

/** Tokens per second after the first one, as they reached this process. `null` below two tokens. */
export function decodeRate({ deltasAt, end }: Answer): number | null {
  const [first, last] = [deltasAt[0], deltasAt.at(-1)];
  const tokens = end.usage.outputTokens ?? deltasAt.length;
  if (first === undefined || last === undefined || last <= first || tokens < 2) return null;
  return ((tokens - 1) * 1000) / (last - first);
}
