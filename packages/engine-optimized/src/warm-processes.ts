import { stat } from 'node:fs/promises';
import { createTokenLedger, openModel } from '@gemma-cli/model-process';
import type {
  EngineSettings,
  LentModel,
  ModelHost,
  ModelProcess,
  OpenModel,
  TokenLedger,
} from '@gemma-cli/model-process';
import { isGemmaError } from '@gemma-cli/contracts';
import { reusablePrefixTokens } from './reusable-prefix.ts';

/** Models that stay loaded at the same time. Two: one to chat with and one beside it; each holds its weights in memory. */
const warmModelsMax = 2;

interface WarmModel extends OpenModel {
  readonly key: string;
  readonly name: string;
  readonly ledger: TokenLedger;
  idleTimer?: NodeJS.Timeout;
  isBusy: boolean;
}

/** Lends processes that stay loaded: at most two, the least recently used goes first, idle ones after `keepAliveMs`. */
export function warmProcesses(settings: EngineSettings): ModelHost {
  /** In order of last use, the most recent last. */
  const warm = new Map<string, WarmModel>();
  let loading: { readonly process: ModelProcess; readonly model: string } | undefined;

  async function discard(model: WarmModel): Promise<void> {
    clearTimeout(model.idleTimer);
    if (warm.get(model.key) === model) warm.delete(model.key);
    await model.process.close();
  }

  /** The warm model, if its process is there and answers. */
  async function wake(key: string, signal: AbortSignal): Promise<WarmModel | undefined> {
    const model = warm.get(key);
    if (model === undefined) return undefined;
    clearTimeout(model.idleTimer);
    try {
      // Asking costs less than a millisecond, and tells a process that died a moment ago from a living one.
      await model.process.call('set-threads', { threads: settings.threads }, { signal });
      return model;
    } catch (error) {
      if (!isGemmaError(error) || error.code === 'ABORTED' || error.code === 'ENGINE_CLOSED') {
        // Nothing was lent, so nobody gives it back: its idle time goes on here.
        if (!model.process.ended) rest(model);
        throw error;
      }
      settings.log(`The idle process of ${model.name} is gone (${error.code}); a fresh one is started.`);
      await discard(model);
      return undefined;
    }
  }

  async function load(
    key: string,
    file: { readonly path: string; readonly name: string },
    contextTokens: number,
    signal: AbortSignal,
  ): Promise<WarmModel> {
    while (warm.size >= warmModelsMax) {
      const oldest = [...warm.values()].find(({ isBusy }) => !isBusy);
      if (oldest === undefined) break;
      settings.log(`${oldest.name} makes room for ${file.name}.`);
      await discard(oldest);
    }
    try {
      const open = await openModel({
        path: file.path,
        contextTokens,
        settings,
        signal,
        onSpawn: (process) => {
          loading = { process, model: file.name };
        },
      });
      const model: WarmModel = { ...open, key, name: file.name, ledger: createTokenLedger(), isBusy: true };
      warm.set(key, model);
      void model.process.exited.then(() => discard(model));
      return model;
    } finally {
      loading = undefined;
    }
  }

  function rest(model: WarmModel): void {
    model.isBusy = false;
    if (settings.keepAliveMs === Number.POSITIVE_INFINITY) return;
    // setTimeout cannot wait longer than 2^31 - 1 ms.
    const waitMs = Math.min(settings.keepAliveMs, 2 ** 31 - 1);
    model.idleTimer = setTimeout(() => {
      settings.log(`${model.name} was idle for ${settings.keepAliveMs} ms and is unloaded.`);
      void discard(model);
    }, waitMs);
  }

  return {
    implementation: 'optimized',
    async lend(file, contextTokens, { signal, onLoadStart }): Promise<LentModel> {
      const key = await modelKey(file.path, contextTokens);
      let loadMs = 0;
      let model = await wake(key, signal);
      if (model === undefined) {
        onLoadStart();
        model = await load(key, file, contextTokens, signal);
        loadMs = model.loadMs;
      }
      const lent = model;
      lent.isBusy = true;
      warm.delete(key);
      warm.set(key, lent);
      return {
        process: lent.process,
        model: lent.model,
        loadMs,
        ledger: lent.ledger,
        reusableTokens: (tokens, { reproducible }) => reusablePrefixTokens(lent.ledger, tokens, reproducible),
        async giveBack() {
          if (lent.process.ended || settings.keepAliveMs === 0) await discard(lent);
          else rest(lent);
        },
      };
    },
    processes() {
      const loaded = [...warm.values()].map(({ process, name, isBusy, ledger }) => ({
        pid: process.pid,
        model: name,
        state: isBusy ? ('busy' as const) : ('idle' as const),
        threads: settings.threads,
        cachedTokens: ledger.tokens.length,
      }));
      if (loading === undefined) return loaded;
      const { process, model } = loading;
      return [...loaded, { pid: process.pid, model, state: 'loading', threads: settings.threads, cachedTokens: 0 }];
    },
    async close() {
      await Promise.all([...[...warm.values()].map(discard), loading?.process.close()]);
    },
  };
}

/** A file that was replaced under the same path is another model. A missing file is the loader's to report. */
async function modelKey(path: string, contextTokens: number): Promise<string> {
  const facts = await stat(path).catch(() => undefined);
  return JSON.stringify([path, contextTokens, facts?.size, facts?.mtimeMs, facts?.ino]);
}
