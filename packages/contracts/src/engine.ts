import type { Capabilities } from './capabilities.ts';
import type { EngineEvent } from './engine-events.ts';
import type { GenerateRequest, ModelFile, Prompt } from './generate-request.ts';
import type { Implementation, ImplementationName } from './handshake.ts';

/** What computes. */
export interface RuntimeInfo {
  /** `llama.cpp` or `gemma.cpp`. */
  readonly name: string;
  /** The version of the runtime or of its binding. `null` when it cannot be known. */
  readonly version: string | null;
  /** Which build of it computes, for a device or kind of processor. Left out where the runtime does not tell. */
  readonly build?: string;
}

/** What an engine knows of a loaded model. */
export interface ModelDescription {
  readonly name: string;
  readonly architecture: string;
  /** Tokens of context that requests get. */
  readonly contextTokens: number;
  /** Tokens of context that the model was trained with. */
  readonly trainContextTokens: number;
  readonly capabilities: Capabilities;
  readonly runtime: RuntimeInfo;
}

/** A model process at the moment of asking. */
export interface EngineStatus {
  readonly implementation: ImplementationName;
  /** Requests that wait for admission. */
  readonly queued: number;
  readonly processes: readonly {
    readonly pid: number;
    readonly model: string;
    readonly state: 'loading' | 'idle' | 'busy';
    readonly runtime: string;
    readonly threads: number;
    /** Why it computes on that many threads. */
    readonly threadsReason: string;
    /** Tokens of context that each request gets. */
    readonly contextTokens: number;
    /** Requests that it can answer at the same time, and how many it answers now. */
    readonly slots: number;
    readonly busySlots: number;
    /** Tokens whose attention state the process holds, over all slots. `null` = the runtime does not tell. */
    readonly cachedTokens: number | null;
    /** Resident memory in bytes. `null` where the system does not tell. */
    readonly memoryBytes: number | null;
    /** When it is unloaded if nobody asks, milliseconds since 1970. `null` = not while it is busy, or never. */
    readonly until: number | null;
  }[];
  /** The state cache on disk. `null` = there is none. */
  readonly stateCache: StateCacheStatus | null;
}

/** What the state cache did since the engine was made. */
export interface StateCacheStatus {
  readonly entries: number;
  readonly bytes: number;
  readonly bytesMax: number;
  readonly hits: number;
  readonly misses: number;
  readonly saves: number;
  /** States that were found and not used, by reason: damaged, foreign, unreadable. */
  readonly ignored: Readonly<Record<string, number>>;
}

/** Options of a question about a model. */
export interface ModelQuestionOptions {
  /**
   * Context that the model is loaded with, in tokens. Give that of the requests around it: a model is loaded once for each
   * context. Default: that of a request.
   */
  readonly contextTokens?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Options of a count: what `generate` would be told of tools, because their description is part of the prompt. */
export interface CountTokensOptions
  extends ModelQuestionOptions, Pick<GenerateRequest, 'tools' | 'toolChoice' | 'parallelToolCalls'> {}

/**
 * Runs models. Legacy starts one model process per prompt; optimized keeps it and the attention state of the common
 * prefix, and answers several requests side by side. Safe for concurrent requests: they are admitted in order of arrival,
 * at most `queueMax` waiting.
 */
export interface Engine extends AsyncDisposable {
  readonly implementation: ImplementationName;

  /**
   * Streams an answer. Nothing happens before the first `next()`.
   *
   * Aborting `signal`, or leaving the loop (`return()`), frees the slot within `abortMsMax`, whether the request is
   * queued, loading, evaluating or decoding; an abort yields `generation-end` with reason `aborted` and keeps the text
   * so far. A slow consumer loses nothing and holds nobody up: what the model produces meanwhile waits in memory, at most
   * `responseBytesMax`, and the slot is free as soon as the model is done.
   *
   * @throws GemmaError `REQUEST_INVALID`, `PROMPT_*`, `CONTEXT_EXCEEDED`, `OPTION_UNSUPPORTED`, `ENGINE_*`, `MODEL_*`,
   *   `RUNTIME_NOT_INSTALLED`, `RESPONSE_TOO_LARGE`.
   */
  generate(
    request: GenerateRequest,
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<EngineEvent>;

  /** Loads the model if it is not loaded and tells what it is. Legacy starts and ends a process for it. */
  describe(model: ModelFile, options?: ModelQuestionOptions): Promise<ModelDescription>;

  /**
   * Counts the tokens of a prompt as `generate` would evaluate it, template, tools, calls and results included. `null` =
   * the runtime does not tell.
   */
  countTokens(model: ModelFile, prompt: Prompt, options?: CountTokensOptions): Promise<number | null>;

  /** What runs now. Cheap. */
  status(): EngineStatus;

  /** Ends every process and fails running and waiting requests with `ENGINE_CLOSED`. Safe to call twice. */
  close(): Promise<void>;
}

/** The program that serves as a model process: a JavaScript module that speaks `worker-protocol`. */
export interface WorkerSpec {
  /** Absolute path or `file:` URL of the module. */
  readonly module: string;
  /** Arguments after the module. Default: none. */
  readonly args?: readonly string[];
}

/** What both engines take. Everything has a default but nothing is read from the environment. */
export interface EngineOptions {
  /** The model process. Default: the llama.cpp worker of `@gemma-cli/model-process`. */
  readonly worker?: WorkerSpec | undefined;
  /** Folder that holds an installed native runtime. Default: what Node resolves from the worker's own place. */
  readonly runtimeFolder?: string | undefined;
  /**
   * Environment of the model process. Default: nothing but `UV_THREADPOOL_SIZE=1`, without which two threads decode no
   * faster than one; a value of your own replaces it.
   */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /**
   * Called with the model's path before every load; throws what is wrong with the file (`MODEL_INVALID`), so that
   * nothing native sees it. Default: no check. `inspectModelFile` of `@gemma-cli/models` is made for this.
   */
  readonly checkModel?: ((path: string) => Promise<unknown>) | undefined;
  /** Threads that compute; the most when they adapt. Integer >= 1. Default: the cores really available. */
  readonly threads?: number | undefined;
  /** Optimized only: steps threads down when other work makes tokens slow, and up again after. Default true. */
  readonly adaptThreads?: boolean | undefined;
  /**
   * Optimized only: requests that one model answers at the same time, each with a context of its own. Integer 1..16.
   * Default: 4 for weights below 1 GiB, otherwise 2.
   */
  readonly slots?: number | undefined;
  /** Optimized only: the longest that evaluating part of a prompt may keep an abort or others waiting, in ms. Default 480. */
  readonly chunkMsMax?: number | undefined;
  /** Optimized only: where states of long stable prefixes are kept, and their most bytes (default 1 GiB). Default: nowhere. */
  readonly stateCache?: { readonly folder: string; readonly bytesMax?: number | undefined } | undefined;
  /**
   * Optimized only: most bytes of memory for loaded models together; the least recently used idle one goes first.
   * Default: three quarters of the memory that is free when a model is loaded; a model alone may take all of it.
   */
  readonly memoryBytesMax?: number | undefined;
  /** Optimized only: bytes of anonymous memory that a process may grow after loading before it is replaced. Default 1 GiB. */
  readonly growthBytesMax?: number | undefined;
  /** Attention cache in 8 bits: half the memory, a little slower. Default false. */
  readonly compactCache?: boolean | undefined;
  /** The gemma.cpp executable for `.sbs` weights. Default: `gemma` in the folders of `searchPath`. */
  readonly gemmaExecutable?: string | undefined;
  /** Folders that are searched for executables, as `PATH` lists them. Default: none. */
  readonly searchPath?: string | undefined;
  /** Most requests that wait. Default 64. One more is `ENGINE_BUSY`. */
  readonly queueMax?: number | undefined;
  /** Deadline of loading, in milliseconds. Default 120,000. */
  readonly loadMsMax?: number | undefined;
  /** Deadline of each sign of life while evaluating or decoding, in milliseconds. Default 60,000. */
  readonly silenceMsMax?: number | undefined;
  /** How long an abort or a close waits for the process before it is killed, in milliseconds. Default 2,000. */
  readonly abortMsMax?: number | undefined;
  /** Most characters of a prompt. Default 50,000. */
  readonly promptCharsMax?: number | undefined;
  /** Most bytes of an answer. Default 10 MiB. */
  readonly responseBytesMax?: number | undefined;
  /** Optimized only: how long an idle model stays loaded, in milliseconds. Infinity = forever. Default 300,000. */
  readonly keepAliveMs?: number | undefined;
  /** Called with one line per noteworthy event. Default: silence. */
  readonly log?: ((message: string) => void) | undefined;
}

/** The module of an engine package. */
export type EngineModule = Implementation<EngineOptions, Engine>;
