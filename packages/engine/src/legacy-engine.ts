import type { Engine, EngineOptions, EngineStatus, ModelFile } from '@gemma-cli/contracts';
import {
  answerOnSequence,
  createTokenLedger,
  engineOnHosts,
  fixedChunkEnd,
  gemmaCppHost,
  loadDraft,
  openModel,
  resolveEngineOptions,
  tokenizeInput,
} from '@gemma-cli/model-process';
import type { AnswerPolicy, EngineSettings, ModelHost, ModelProcess, OpenModel } from '@gemma-cli/model-process';

/**
 * Makes the legacy engine: each request starts a model process, loads the model, answers, and ends the process. Nothing
 * is shared between requests, so nothing can go wrong between them: the oracle that the optimized engine is compared with.
 *
 * @throws GemmaError `REQUEST_INVALID` for options out of range.
 */
export async function create(options: EngineOptions = {}): Promise<Engine> {
  const settings = resolveEngineOptions(options);
  return engineOnHosts(
    { gguf: processPerRequest(settings), sbs: gemmaCppHost({ mode: 'one-shot', settings }) },
    settings,
  );
}

/** Answers each request on a process of its own. */
function processPerRequest(settings: EngineSettings): ModelHost {
  let current: (EngineStatus['processes'][number] & { readonly close: () => Promise<void> }) | undefined;

  /** Opens the model, works with it, and ends its process. */
  async function withModel<Result>(
    file: Required<ModelFile>,
    contextTokens: number,
    signal: AbortSignal,
    work: (open: OpenModel) => Promise<Result>,
  ): Promise<Result> {
    try {
      const open = await openModel({
        path: file.path,
        contextTokens,
        settings,
        signal,
        onSpawn: (started) => {
          current = {
            pid: started.pid,
            model: file.name,
            state: 'loading',
            runtime: 'llama.cpp',
            threads: settings.threads,
            threadsReason: 'fixed: the legacy engine does not adapt',
            contextTokens,
            slots: 1,
            busySlots: 1,
            cachedTokens: 0,
            memoryBytes: null,
            until: null,
            close: () => started.close(),
          };
        },
      });
      if (current !== undefined) current = { ...current, state: 'busy', contextTokens: open.model.contextTokens };
      try {
        return await work(open);
      } finally {
        await open.process.close();
      }
    } finally {
      current = undefined;
    }
  }

  return {
    implementation: 'legacy',
    async generate(request, { clock, emit, signal, stop }) {
      const { model: file, contextTokens } = request;
      emit({ type: 'load-start', model: file.name });
      await withModel(file, contextTokens, stop, async ({ process, model, loadMs }) => {
        clock.loaded(loadMs);
        emit({ type: 'load-end', model: file.name, loadMs });
        if (request.speculation?.type === 'draft') {
          await loadDraft({ process, model, path: request.speculation.model.path, settings, signal });
        }
        const { responseBytesMax } = settings;
        const leave = endSoonAfterAbort(process, signal, Math.min(abortMsMax, settings.abortMsMax));
        try {
          emit(
            await answerOnSequence({
              process,
              model,
              request,
              policy: freshSequence,
              clock,
              emit,
              signal,
              responseBytesMax,
            }),
          );
        } finally {
          leave();
        }
      });
    },
    describe: (file, contextTokens, signal) =>
      withModel(file, contextTokens, signal, ({ model }) => Promise.resolve(model)),
    countTokens: (file, prompt, contextTokens, signal) =>
      withModel(file, contextTokens, signal, async ({ process }) => {
        const { tokens } = await process.call('tokenize', { input: tokenizeInput(prompt) }, { signal });
        return tokens.length;
      }),
    processes() {
      if (current === undefined) return [];
      const { close: _, ...status } = current;
      return [status];
    },
    async close() {
      await current?.close();
    },
  };
}

/** An abort is to be heard within half a second, and ending a process takes some of it. */
const abortMsMax = 300;

/** Ends a process that does not obey an abort at once: it works for one request, and a batch may be under way for seconds. */
function endSoonAfterAbort(process: ModelProcess, signal: AbortSignal, msMax: number): () => void {
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => void process.close(), msMax);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  };
}

/** The one sequence of a fresh process holds nothing, and its prompt is evaluated on the fixed schedule. */
const freshSequence: AnswerPolicy = {
  prepare: () => Promise.resolve({ sequence: 0, ledger: createTokenLedger(), cachedTokens: 0, restoredTokens: 0 }),
  chunkEnd: fixedChunkEnd,
};
