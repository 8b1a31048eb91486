import { isGemmaError } from '@gemma-cli/contracts';
import { closedError } from '../errors.ts';
import type { VectorHost, VectorModel } from './vector-host.ts';

/** The calls of an embedder or reranker, from the loan of the model to its return. */
export interface VectorCalls {
  /** Runs work on a lent model. The signal that `work` gets is aborted by the caller and by `close`. */
  run<Result>(
    signal: AbortSignal | undefined,
    work: (lent: VectorModel, stop: AbortSignal) => Promise<Result>,
  ): Promise<Result>;
  /** Fails what runs and what comes later with `ENGINE_CLOSED`, and ends every process. Safe to call twice. */
  close(): Promise<void>;
}

/** Makes the calls of a host. @param what - What its owner is called in messages. */
export function vectorCalls(host: VectorHost, what: 'embedder' | 'reranker'): VectorCalls {
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();

  return {
    async run(signal, work) {
      if (closing.signal.aborted) throw closedError(what);
      // One of its own for each call, so that listeners do not pile up on the one of all calls.
      const stop = AbortSignal.any([closing.signal, ...(signal === undefined ? [] : [signal])]);
      const call = onLentModel(host, stop, (lent) => work(lent, stop));
      running.add(call);
      try {
        return await call;
      } catch (error) {
        // A process that died because we closed it says so in its own way; the caller should hear why.
        throw closing.signal.aborted && isGemmaError(error) ? closedError(what) : error;
      } finally {
        running.delete(call);
      }
    },
    async close() {
      closing.abort();
      await host.close();
      await Promise.allSettled(running);
    },
  };
}

async function onLentModel<Result>(
  host: VectorHost,
  signal: AbortSignal,
  work: (lent: VectorModel) => Promise<Result>,
): Promise<Result> {
  const lent = await host.lend(signal);
  try {
    return await work(lent);
  } finally {
    await lent.giveBack();
  }
}
