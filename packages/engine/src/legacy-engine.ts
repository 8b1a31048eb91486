import type { Engine, EngineOptions } from '@gemma-cli/contracts';
import { createTokenLedger, engineOnHost, openModel, resolveEngineOptions } from '@gemma-cli/model-process';
import type { EngineSettings, ModelHost, ModelProcess } from '@gemma-cli/model-process';

/**
 * Makes the legacy engine: each request starts a model process, loads the model, answers, and ends the process. Nothing
 * is shared between requests, so nothing can go wrong between them: the oracle that the optimized engine is compared with.
 *
 * @throws GemmaError `REQUEST_INVALID` for options out of range.
 */
export async function create(options: EngineOptions = {}): Promise<Engine> {
  const settings = resolveEngineOptions(options);
  return engineOnHost(processPerRequest(settings), settings);
}

/** Lends a fresh process each time and ends it when it comes back. */
function processPerRequest(settings: EngineSettings): ModelHost {
  let current: { readonly process: ModelProcess; readonly model: string; isLoaded: boolean } | undefined;

  return {
    implementation: 'legacy',
    async lend(file, contextTokens, { signal, onLoadStart }) {
      onLoadStart();
      const { process, model, loadMs } = await openModel({
        path: file.path,
        contextTokens,
        settings,
        signal,
        onSpawn: (started) => {
          current = { process: started, model: file.name, isLoaded: false };
        },
      }).catch((error: unknown) => {
        current = undefined;
        throw error;
      });
      current = { process, model: file.name, isLoaded: true };
      return {
        process,
        model,
        loadMs,
        ledger: createTokenLedger(),
        reusableTokens: () => 0,
        async giveBack() {
          await process.close();
          current = undefined;
        },
      };
    },
    processes() {
      if (current === undefined) return [];
      const { process, model, isLoaded } = current;
      const state = isLoaded ? 'busy' : 'loading';
      return [{ pid: process.pid, model, state, threads: settings.threads, cachedTokens: 0 }];
    },
    async close() {
      await current?.process.close();
    },
  };
}
