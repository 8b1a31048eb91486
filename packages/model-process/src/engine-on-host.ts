import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import type { Engine, EngineEvent, EngineStatus, GenerateRequest, ModelFile } from '@gemma-cli/contracts';
import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import { createAdmissionQueue } from './admission-queue.ts';
import type { EngineSettings } from './engine-settings.ts';
import { eventStream } from './event-stream.ts';
import { tokenizeInput } from './fit-prompt.ts';
import { abortedBeforeStart, generateOnSequence } from './generate-on-sequence.ts';
import type { ModelProcess } from './model-process.ts';
import { startRequestClock } from './request-clock.ts';
import { checkPrompt, resolveContextTokens, resolveModel, resolveRequest } from './resolve-request.ts';
import type { ResolvedRequest } from './resolve-request.ts';
import type { TokenLedger } from './token-ledger.ts';

/** A loaded model, lent for one request. */
export interface LentModel {
  readonly process: ModelProcess;
  readonly model: LoadedModel;
  /** Milliseconds that loading took for this request; 0 when the model was warm. */
  readonly loadMs: number;
  /** What the process's sequence holds. */
  readonly ledger: TokenLedger;
  /** How many leading tokens of a prompt may be taken from the sequence. */
  readonly reusableTokens: (promptTokens: readonly number[], request: ResolvedRequest) => number;
  /** Ends the loan. Called exactly once, whatever happened. */
  giveBack(): Promise<void>;
}

/** Who owns the model processes: the policy in which the engines differ. */
export interface ModelHost {
  readonly implementation: Engine['implementation'];
  /**
   * Lends a loaded model. Calls `onLoadStart` before it starts a process, and not at all for a warm one.
   *
   * @throws GemmaError what starting and loading can throw; then nothing is lent.
   */
  lend(
    file: Required<ModelFile>,
    contextTokens: number,
    options: { readonly signal: AbortSignal; readonly onLoadStart: () => void },
  ): Promise<LentModel>;
  processes(): EngineStatus['processes'];
  /** Ends every process; loans that are out fail with `ENGINE_CLOSED`. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Makes an engine of a host: requests are checked, wait for their turn, borrow a model, are answered on it, and end in
 * exactly one event or error.
 */
export function engineOnHost(host: ModelHost, settings: EngineSettings): Engine {
  const queue = createAdmissionQueue({ waitingMax: settings.queueMax });
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();

  async function answer(
    request: GenerateRequest,
    emit: (event: EngineEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const clock = startRequestClock();
    const resolved = resolveRequest(request, settings);
    const { name } = resolved.model;
    try {
      await inTurn(resolved.model, resolved.contextTokens, signal, {
        onAdmitted: () => clock.admitted(),
        onLoadStart: () => emit({ type: 'load-start', model: name }),
        work: async ({ process, model, loadMs, ledger, reusableTokens }) => {
          if (loadMs > 0) {
            clock.loaded(loadMs);
            emit({ type: 'load-end', model: name, loadMs });
          }
          emit(
            await generateOnSequence({
              process,
              model,
              request: resolved,
              sequence: 0,
              ledger,
              reusableTokens: (tokens) => reusableTokens(tokens, resolved),
              clock,
              emit,
              signal,
              responseBytesMax: settings.responseBytesMax,
            }),
          );
        },
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

  /** Waits for the turn, borrows the model, works with it and gives both back. */
  async function takeTurn<Result>(
    file: Required<ModelFile>,
    contextTokens: number,
    signal: AbortSignal | undefined,
    steps: {
      readonly onAdmitted?: () => void;
      readonly onLoadStart?: () => void;
      readonly work: (lent: LentModel) => Promise<Result>;
    },
  ): Promise<Result> {
    const leave = await queue.enter(signal);
    try {
      steps.onAdmitted?.();
      const lent = await host.lend(file, contextTokens, {
        signal: signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]),
        onLoadStart: steps.onLoadStart ?? (() => {}),
      });
      try {
        return await steps.work(lent);
      } finally {
        await lent.giveBack();
      }
    } catch (error) {
      // A process that died because we closed it says so in its own way; the caller should hear why.
      throw closing.signal.aborted && isGemmaError(error) ? closedError() : error;
    } finally {
      leave();
    }
  }

  const engine: Engine = {
    implementation: host.implementation,
    generate: (request, { signal } = {}) => eventStream((emit, stop) => answer(request, emit, stop), signal),
    describe: async (file, { contextTokens, signal } = {}) => {
      const model = resolveModel(file);
      return inTurn(model, resolveContextTokens(contextTokens), signal, {
        work: ({ model: loaded }) => Promise.resolve({ name: model.name, ...loaded }),
      });
    },
    async countTokens(file, prompt, { contextTokens, signal } = {}) {
      checkPrompt(prompt, settings.promptCharsMax);
      return inTurn(resolveModel(file), resolveContextTokens(contextTokens), signal, {
        work: async ({ process }) => {
          const { tokens } = await process.call('tokenize', { input: tokenizeInput(prompt) }, { signal });
          return tokens.length;
        },
      });
    },
    status: () => ({ implementation: host.implementation, queued: queue.waiting, processes: host.processes() }),
    async close() {
      closing.abort();
      queue.close();
      await host.close();
      await Promise.allSettled(running);
    },
    [Symbol.asyncDispose]: () => engine.close(),
  };
  return engine;
}

function closedError(): GemmaError {
  return new GemmaError({ code: 'ENGINE_CLOSED', message: 'The engine is closed. Make a new one to go on.' });
}
