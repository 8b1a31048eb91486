/**
 * The llama.cpp model process: speaks `@gemma-cli/contracts/worker-protocol` over the IPC channel and does what it is
 * told, one call after the other. Started with `fork`; no policy lives here.
 *
 * @module
 */
import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import { workerProtocolVersion } from '@gemma-cli/contracts/worker-protocol';
import type { WorkerCall, WorkerMessage } from '@gemma-cli/contracts/worker-protocol';
import { openLlamaSession } from './llama-session.ts';
import type { LlamaSession } from './llama-session.ts';

let session: LlamaSession | undefined;
/** Calls that wait or run, each with the controller that aborts it. */
const open = new Map<number, AbortController>();
let last: Promise<void> = Promise.resolve();

process.on('message', (message: WorkerCall) => {
  if (message.operation === 'abort') {
    open.get(message.params.call)?.abort();
    send({ type: 'result', id: message.id, result: {} });
    return;
  }
  if (message.operation === 'set-threads' && session !== undefined) {
    send({ type: 'result', id: message.id, result: { threads: session.setThreads(message.params.threads) } });
    return;
  }
  const controller = new AbortController();
  open.set(message.id, controller);
  last = last.then(() => answer(message, controller.signal)).finally(() => open.delete(message.id));
});

// The engine is gone: nobody is left to work for.
process.on('disconnect', () => process.exit(0));
// Ctrl-C at a terminal reaches the whole process group; the engine decides what it means.
process.on('SIGINT', () => {});

send({ type: 'ready', protocol: workerProtocolVersion });

async function answer(call: WorkerCall, signal: AbortSignal): Promise<void> {
  try {
    if (signal.aborted) throw new GemmaError({ code: 'ABORTED', message: 'The call was aborted before it ran.' });
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
  if (call.operation === 'load') {
    session = await openLlamaSession(call.params, (level, message) => send({ type: 'log', level, message }));
    return session.model;
  }
  if (session === undefined) {
    throw new GemmaError({ code: 'ENGINE_FAILED', message: `Expected 'load' before '${call.operation}'.` });
  }
  switch (call.operation) {
    case 'tokenize':
      return { tokens: session.tokenize(call.params.input) };
    case 'truncate':
      return session.truncate(call.params);
    case 'evaluate':
      return session.evaluate(call.params);
    case 'generate':
      return session.generate(call.params, (token, text) => send({ type: 'piece', id: call.id, token, text }), signal);
    case 'set-threads':
      return { threads: session.setThreads(call.params.threads) };
    case 'abort':
      return {};
    default:
      return call satisfies never;
  }
}

function send(message: WorkerMessage): void {
  process.send?.(message);
}
