import { GemmaError } from '@gemma-cli/contracts';
import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import type { EngineSettings } from './engine-settings.ts';
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
 * Checks the model file, starts a process and loads the model into it. On failure nothing is left running.
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
  await untilAborted(settings.checkModel(path), signal);
  const start = performance.now();
  const process = await startModelProcess(
    {
      worker: settings.worker,
      env: settings.env,
      startMsMax: settings.loadMsMax,
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
      { signal, silenceMsMax: settings.loadMsMax, deadlineCode: 'ENGINE_LOAD_TIMEOUT', abortMsMax: 0 },
    );
    return { process, model, loadMs: performance.now() - start };
  } catch (error) {
    await process.close();
    throw error;
  }
}

/** Waits for `work` no longer than until the abort: a check of a file on a dead network drive may never end. */
function untilAborted(work: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void =>
      reject(new GemmaError({ code: 'ABORTED', message: 'The request was aborted while the model file was checked.' }));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
