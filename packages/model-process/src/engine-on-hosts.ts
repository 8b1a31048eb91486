import { isGemmaError } from '@gemma-cli/contracts';
import type { Engine, EngineEvent, GenerateRequest, ModelFile } from '@gemma-cli/contracts';
import { createAdmissionQueue, singleSeat } from './admission-queue.ts';
import type { AdmissionQueue } from './admission-queue.ts';
import type { EngineSettings } from './engine-settings.ts';
import { closedError } from './errors.ts';
import { eventStream } from './event-stream.ts';
import { abortedBeforeStart } from './answer-on-sequence.ts';
import { lookedAtInTime } from './looked-at-in-time.ts';
import type { ModelHost, Place } from './model-host.ts';
import { startRequestClock } from './request-clock.ts';
import { offerTools, resolveContextTokens, resolveModel, resolveRequest } from './resolve-request.ts';

/** The hosts of an engine, by the format of the weights that they run. */
export interface EngineHosts {
  /** llama.cpp. */
  readonly gguf: ModelHost;
  /** gemma.cpp. */
  readonly sbs: ModelHost;
}

/** A host with the line of those who wait for it. */
interface Counter {
  readonly host: ModelHost;
  readonly queue: AdmissionQueue;
  readonly onlySeat: Place;
}

/**
 * Makes an engine of hosts: requests are checked, wait for their turn at the host that runs their weights, are answered
 * there, and end in exactly one event or error.
 */
export function engineOnHosts(hosts: EngineHosts, settings: EngineSettings): Engine {
  const counters = {
    gguf: { host: hosts.gguf, queue: createAdmissionQueue({ waitingMax: settings.queueMax }), onlySeat: singleSeat() },
    sbs: { host: hosts.sbs, queue: createAdmissionQueue({ waitingMax: settings.queueMax }), onlySeat: singleSeat() },
  };
  const all: readonly Counter[] = Object.values(counters);
  for (const { host, queue } of all) host.onRoom?.(() => queue.retry());
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();

  async function answer(
    request: GenerateRequest,
    emit: (event: EngineEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const clock = startRequestClock();
    const resolved = resolveRequest(request, settings);
    try {
      await inTurn(resolved.model, resolved.contextTokens, signal, (host, place, stop) => {
        clock.admitted();
        return host.generate(resolved, { clock, emit, signal, stop }, place);
      });
    } catch (error) {
      if (!(signal.aborted && isGemmaError(error) && error.code === 'ABORTED')) throw error;
      emit(abortedBeforeStart(clock));
    }
  }

  /** Takes a turn, and lets `close` wait for its end. */
  async function inTurn<Result>(...turn: Parameters<typeof takeTurn<Result>>): Promise<Result> {
    const work = takeTurn(...turn);
    running.add(work);
    try {
      return await work;
    } finally {
      running.delete(work);
    }
  }

  /** Waits for a seat, works, and leaves the seat to the next. */
  async function takeTurn<Result>(
    file: Required<ModelFile>,
    contextTokens: number,
    signal: AbortSignal | undefined,
    work: (host: ModelHost, place: Place, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const { host, queue, onlySeat } = counters[weightsFormat(file.path)];
    const stop = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
    try {
      let place = onlySeat;
      // In line first: looking for a place takes some longer than others, and on a dead drive it never ends.
      const take = (): (() => void) | undefined => place.take();
      const looking = host.place?.(file, contextTokens);
      const found =
        looking === undefined
          ? take
          : lookedAtInTime(looking, { path: file.path, timeoutMs: settings.loadMsMax, signal: stop }).then((its) => {
              place = its;
              return take;
            });
      const leave = await queue.enter(found, signal);
      try {
        return await work(host, place, stop);
      } finally {
        leave();
      }
    } catch (error) {
      // A process that died because we closed it says so in its own way; the caller should hear why.
      throw closing.signal.aborted && isGemmaError(error) ? closedError() : error;
    }
  }

  const engine: Engine = {
    implementation: hosts.gguf.implementation,
    generate: (request, { signal } = {}) => eventStream((emit, stop) => answer(request, emit, stop), signal),
    describe: async (file, { contextTokens, signal } = {}) => {
      const model = resolveModel(file);
      const context = resolveContextTokens(contextTokens);
      return inTurn(model, context, signal, async (host, place, stop) => {
        const loaded = await host.describe(model, context, stop, place);
        const { architecture, contextTokens: tokens, trainContextTokens, capabilities, runtime } = loaded;
        return { name: model.name, architecture, contextTokens: tokens, trainContextTokens, capabilities, runtime };
      });
    },
    async countTokens(file, given, { contextTokens, signal, ...tools } = {}) {
      const { prompt } = offerTools({ prompt: given, ...tools }, settings.promptCharsMax);
      const model = resolveModel(file);
      const context = resolveContextTokens(contextTokens);
      return inTurn(model, context, signal, (host, place, stop) =>
        host.countTokens(model, prompt, context, stop, place),
      );
    },
    status: () => ({
      implementation: hosts.gguf.implementation,
      queued: all.reduce((sum, { queue }) => sum + queue.waiting, 0),
      processes: all.flatMap(({ host }) => host.processes()),
      stateCache: hosts.gguf.stateCache?.() ?? null,
    }),
    async close() {
      closing.abort();
      for (const { queue } of all) queue.close();
      await Promise.all(all.map(({ host }) => host.close()));
      await Promise.allSettled(running);
    },
    [Symbol.asyncDispose]: () => engine.close(),
  };
  return engine;
}

/** Which runtime weights are for, by the name of their file: gemma.cpp's are called `.sbs`, everything else is GGUF. */
function weightsFormat(path: string): keyof EngineHosts {
  return path.toLowerCase().endsWith('.sbs') ? 'sbs' : 'gguf';
}
