import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import type { EngineSettings } from './engine-settings.ts';
import { lookedAtInTime } from './looked-at-in-time.ts';
import { startModelProcess } from './model-process.ts';
import type { ModelProcess } from './model-process.ts';

/** A model process with its model loaded. */
export interface OpenModel {
  readonly process: ModelProcess;
  readonly model: LoadedModel;
  /** Milliseconds from spawn to ready. */
  readonly loadMs: number;
}

/** Which model to open. */
export interface OpenModelOptions {
  readonly path: string;
  readonly contextTokens: number;
  /** Independent sequences of the one context. Default 1. */
  readonly sequences?: number;
  /** Default 'generate'. */
  readonly purpose?: 'generate' | 'embed' | 'rank';
  readonly settings: EngineSettings;
  readonly signal: AbortSignal;
  /** Called as soon as the process is spawned, before the model is loaded: for `status`, and for closing it. */
  readonly onSpawn?: (process: ModelProcess) => void;
}

/**
 * Checks the model file, starts a process and loads the model into it, all within `loadMsMax`. On failure nothing is left
 * running.
 *
 * @throws GemmaError what the check says; `ENGINE_START_FAILED`, `ENGINE_LOAD_FAILED`, `ENGINE_LOAD_TIMEOUT`,
 *   `ENGINE_EXITED`, `RUNTIME_NOT_INSTALLED`, `ABORTED`.
 */
export async function openModel({
  path,
  contextTokens,
  sequences = 1,
  purpose = 'generate',
  settings,
  signal,
  onSpawn,
}: OpenModelOptions): Promise<OpenModel> {
  const leftMs = countdown(settings.loadMsMax);
  await lookedAtInTime(settings.checkModel(path), { path, timeoutMs: leftMs(), signal });
  const start = performance.now();
  const process = await startModelProcess(
    {
      worker: settings.worker,
      env: settings.env,
      startMsMax: leftMs(),
      silenceMsMax: settings.silenceMsMax,
      abortMsMax: settings.abortMsMax,
      log: settings.log,
      onSpawn,
    },
    signal,
  );
  try {
    const model = await process.call(
      'load',
      {
        path,
        contextTokens,
        sequences,
        threads: settings.threads,
        runtimeFolder: settings.runtimeFolder,
        purpose,
        compactCache: settings.compactCache,
      },
      // Nothing in a process that is still loading is worth waiting for.
      { signal, silenceMsMax: leftMs(), deadlineCode: 'ENGINE_LOAD_TIMEOUT', abortMsMax: 0 },
    );
    return { process, model, loadMs: performance.now() - start };
  } catch (error) {
    await process.close();
    throw error;
  }
}

/** Into which process a draft model is loaded. */
export interface LoadDraftOptions {
  readonly process: ModelProcess;
  /** What the process answers with. */
  readonly model: LoadedModel;
  /** The draft model's file. */
  readonly path: string;
  readonly settings: EngineSettings;
  /** Ends the process, which was loading for this signal's request alone. Leave it out where others share the process. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Checks the file of a draft model and loads it beside the model of a process, within `loadMsMax`. Does nothing for a model
 * that cannot guess ahead: its requests are refused before they would use it.
 *
 * @throws GemmaError what the check says; `ENGINE_LOAD_FAILED`, `MODEL_UNSUPPORTED`, `ENGINE_LOAD_TIMEOUT`, `ENGINE_EXITED`,
 *   `ABORTED`.
 */
export async function loadDraft({ process, model, path, settings, signal }: LoadDraftOptions): Promise<void> {
  if (!model.capabilities.speculation) return;
  const leftMs = countdown(settings.loadMsMax);
  await lookedAtInTime(settings.checkModel(path), { path, timeoutMs: leftMs(), signal });
  await process.call(
    'load-draft',
    { path },
    { signal, silenceMsMax: leftMs(), deadlineCode: 'ENGINE_LOAD_TIMEOUT', abortMsMax: 0 },
  );
}

/** Tells how much of a time is left, at least a millisecond. */
function countdown(ms: number): () => number {
  const end = performance.now() + ms;
  return () => Math.max(1, Math.ceil(end - performance.now()));
}
