import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import type { ModelFile } from '@gemma-cli/contracts';
import { createIdleTimer, untilAborted, vectorModelOpener } from '@gemma-cli/model-process';
import type { EngineSettings, IdleTimer, ModelProcess, VectorHost, VectorModel } from '@gemma-cli/model-process';

/** A process that stays loaded, from the beginning of its load. */
interface Warm {
  readonly loading: Promise<LoadedWarm>;
  readonly idle: IdleTimer;
  loans: number;
}

interface LoadedWarm extends VectorModel {
  /** Anonymous memory right after loading. `null` where the system does not tell. */
  readonly anonymousAtFirst: number | null;
}

/**
 * Lends one process that stays loaded, to any number of calls at the same time: the process takes their batches in turn.
 * It is loaded once for all who wait for it, unloaded after `keepAliveMs` without a call, and replaced when it died or
 * grew too much.
 */
export function warmProcess(file: ModelFile, purpose: 'embed' | 'rank', settings: EngineSettings): VectorHost {
  const open = vectorModelOpener(file, purpose, settings);
  const closing = new AbortController();
  let warm: Warm | undefined;
  let starting: ModelProcess | undefined;
  let calls = 0;

  function load(): Warm {
    const started: Warm = { loading: openWarm(), idle: createIdleTimer(settings.keepAliveMs), loans: 0 };
    // A load that failed is nobody's: the next call tries again.
    started.loading.catch(() => forget(started));
    return started;
  }

  async function openWarm(): Promise<LoadedWarm> {
    const opened = await open(closing.signal, (process) => {
      starting = process;
    });
    try {
      const { anonymous } = await opened.process.call('memory', {}, { signal: closing.signal });
      return { ...opened, anonymousAtFirst: anonymous };
    } catch (error) {
      await opened.process.close();
      throw error;
    }
  }

  function forget(old: Warm): void {
    old.idle.stop();
    if (warm === old) warm = undefined;
  }

  async function discard(old: Warm): Promise<void> {
    forget(old);
    const loaded = await old.loading.catch(() => undefined);
    await loaded?.process.close();
  }

  /** Takes a loan of the process, loaded and alive. One that died while nobody looked is replaced before the call notices. */
  async function take(): Promise<{ readonly from: Warm; readonly loaded: LoadedWarm }> {
    const wasThere = warm !== undefined;
    const from = (warm ??= load());
    from.loans += 1;
    from.idle.stop();
    let loaded: LoadedWarm;
    try {
      loaded = await from.loading;
    } catch (error) {
      from.loans -= 1;
      throw error;
    }
    try {
      // Answered at once, whatever is computed: tells a process that died a moment ago from a living one.
      if (wasThere) await loaded.process.call('set-threads', { threads: settings.threads }, { signal: closing.signal });
      return { from, loaded };
    } catch (error) {
      from.loans -= 1;
      if (!isGemmaError(error) || closing.signal.aborted) throw error;
      settings.log(`The idle process of the embedding model is gone (${error.code}); a fresh one is started.`);
      await discard(from);
      return take();
    }
  }

  async function giveBack(from: Warm, loaded: LoadedWarm): Promise<void> {
    from.loans -= 1;
    if (from.loans > 0) return;
    const isDone = loaded.process.ended || settings.keepAliveMs === 0 || (await hasGrown(loaded));
    // Somebody may have come while the process was asked.
    if (from.loans > 0) return;
    if (isDone) await discard(from);
    else from.idle.start(() => void discard(from));
  }

  /** Native memory that is never given back shows here; a fresh process starts over. */
  async function hasGrown({ process, anonymousAtFirst }: LoadedWarm): Promise<boolean> {
    if (anonymousAtFirst === null || closing.signal.aborted) return false;
    try {
      const { anonymous } = await process.call('memory', {}, { signal: closing.signal });
      if (anonymous === null || anonymous - anonymousAtFirst <= settings.growthBytesMax) return false;
      settings.log(
        `The embedding process grew by ${anonymous - anonymousAtFirst} bytes, more than ${settings.growthBytesMax}, and is replaced.`,
      );
      return true;
    } catch (error) {
      if (!isGemmaError(error)) throw error;
      // It died between its answer and this question: as good as grown.
      return true;
    }
  }

  return {
    async lend(signal) {
      if (calls > settings.queueMax) {
        throw new GemmaError({
          code: 'ENGINE_BUSY',
          message: `Expected at most ${settings.queueMax} calls beside the one that runs, and ${calls} are there already. Try again later, or raise engine.queue_max.`,
          facts: { waiting: calls, waitingMax: settings.queueMax },
        });
      }
      calls += 1;
      const taking = take();
      try {
        const { from, loaded } = await untilAborted(taking, signal, 'The call was aborted while its model was loaded.');
        return {
          ...loaded,
          async giveBack() {
            calls -= 1;
            await giveBack(from, loaded);
          },
        };
      } catch (error) {
        calls -= 1;
        // The load goes on for whoever comes next; without anybody its idle time begins when it is done. If it fails, the
        // next call loads again and is told.
        taking.then(
          ({ from, loaded }) => giveBack(from, loaded),
          () => {},
        );
        throw error;
      }
    },
    async close() {
      closing.abort();
      if (warm !== undefined) await discard(warm);
      await starting?.close();
    },
  };
}
