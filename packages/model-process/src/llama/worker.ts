/**
 * The llama.cpp model process: speaks `@gemma-cli/contracts/worker-protocol` over the IPC channel. Calls of one sequence
 * run in the order they came, calls of different sequences side by side. Started with `fork`; no policy lives here.
 *
 * @module
 */
import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import { workerProtocolVersion } from '@gemma-cli/contracts/worker-protocol';
import type { WorkerCall, WorkerMessage } from '@gemma-cli/contracts/worker-protocol';
import { abortedError } from '../errors.ts';
import { createCallOrder } from './call-order.ts';
import { openLlamaSession, processMemory } from './llama-session.ts';
import type { LlamaSession } from './llama-session.ts';

/** Loading, which everything else waits for. */
let loading: Promise<LlamaSession> | undefined;
/** Calls that wait or run, each with the controller that aborts it. */
const open = new Map<number, AbortController>();
const order = createCallOrder();

process.on('message', (call: WorkerCall) => {
  if (call.operation === 'abort') {
    open.get(call.params.call)?.abort();
    send({ type: 'result', id: call.id, result: {} });
    return;
  }
  const controller = new AbortController();
  open.set(call.id, controller);
  void order
    .run(sequencesOf(call), controller.signal, () => answer(call, controller.signal))
    .finally(() => open.delete(call.id));
});

// The engine is gone: nobody is left to work for. No clean-up either: a batch may be under way for seconds, and the
// system takes memory back faster than its owner gives it.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Ctrl-C at a terminal reaches the whole process group; the engine decides what it means.
process.on('SIGINT', () => {});

send({ type: 'ready', protocol: workerProtocolVersion });

/** The sequences that a call works on. */
function sequencesOf(call: WorkerCall): readonly number[] {
  if (call.operation === 'copy') return [call.params.from, call.params.to];
  return 'sequence' in call.params ? [call.params.sequence] : [];
}

async function answer(call: WorkerCall, signal: AbortSignal): Promise<void> {
  try {
    if (signal.aborted) throw abortedError('The call was aborted before it ran.');
    send({ type: 'result', id: call.id, result: await run(call, signal) });
  } catch (error) {
    const { code, message, facts } = isGemmaError(error)
      ? error
      : new GemmaError({
          code: 'ENGINE_FAILED',
          message: `llama.cpp failed in '${call.operation}': ${(error as Error).message}`,
          cause: error,
        });
    send({ type: 'failure', id: call.id, error: { code, message, facts } });
  }
}

async function run(call: WorkerCall, signal: AbortSignal): Promise<unknown> {
  if (call.operation === 'memory') return processMemory();
  if (call.operation === 'load') return (await load(call.params)).model;
  if (loading === undefined) {
    throw new GemmaError({ code: 'ENGINE_FAILED', message: `Expected 'load' before '${call.operation}'.` });
  }
  const session = await loading;
  switch (call.operation) {
    case 'load-draft':
      return session.loadDraft(call.params);
    case 'tokenize':
      return session.tokenize(call.params);
    case 'truncate':
      return session.truncate(call.params);
    case 'checkpoint':
      return session.checkpoint(call.params);
    case 'copy':
      return session.copy(call.params);
    case 'evaluate':
      return session.evaluate(call.params, signal);
    case 'generate':
      return session.generate(
        call.params,
        ({ token, text, facts, logprobs }) =>
          send({
            type: 'piece',
            id: call.id,
            token,
            text,
            ...(facts === null ? {} : { ms: facts.ms, batchTokens: facts.tokens }),
            ...(logprobs === undefined ? {} : { logprobs }),
          }),
        signal,
      );
    case 'save-state':
      return session.saveState(call.params);
    case 'load-state':
      return session.loadState(call.params);
    case 'embed':
      return session.embed(call.params, signal);
    case 'rank':
      return session.rank(call.params, signal);
    case 'set-threads':
      return { threads: session.setThreads(call.params.threads) };
    case 'abort':
      return {};
    default:
      return call satisfies never;
  }
}

/** A load that failed may be tried again with other parameters; one that succeeded is the last. */
async function load(params: Extract<WorkerCall, { operation: 'load' }>['params']): Promise<LlamaSession> {
  if (loading !== undefined) {
    throw new GemmaError({ code: 'ENGINE_FAILED', message: 'A model process loads one model, and it has one.' });
  }
  loading = openLlamaSession(params, (level, message) => send({ type: 'log', level, message }));
  try {
    return await loading;
  } catch (error) {
    loading = undefined;
    throw error;
  }
}

function send(message: WorkerMessage): void {
  process.send?.(message);
}
