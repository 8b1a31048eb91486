import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { GemmaError, errorCodes, isGemmaError } from '@gemma-cli/contracts';
import type { ErrorCode, WorkerSpec } from '@gemma-cli/contracts';
import { workerProtocolVersion } from '@gemma-cli/contracts/worker-protocol';
import type {
  WorkerLogprob,
  WorkerMessage,
  WorkerOperation,
  WorkerOperations,
} from '@gemma-cli/contracts/worker-protocol';
import { fileURLToPath } from 'node:url';
import { abortedError, closedError } from './errors.ts';
import { createUtf8Stream } from './utf8-stream.ts';
import { resultProblem } from './worker-results.ts';

/** How a model process is started and when it is given up. */
export interface ModelProcessOptions {
  readonly worker: WorkerSpec;
  /** The child's whole environment, besides `UV_THREADPOOL_SIZE=1` where it does not say otherwise. */
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds until the process must have said that it is ready. */
  readonly startMsMax: number;
  /** Milliseconds without a sign of life after which a call fails and the process is killed. */
  readonly silenceMsMax: number;
  /** Milliseconds that an abort or a close waits before the process is killed. */
  readonly abortMsMax: number;
  readonly log: (message: string) => void;
  /** Called with the process as soon as it is spawned, before it is ready. */
  readonly onSpawn?: ((process: ModelProcess) => void) | undefined;
}

/** What a model process tells about a piece besides its token and text. */
export interface PieceFacts {
  /** Milliseconds that its batch took, sampling included; `undefined` for text of earlier tokens. */
  readonly ms: number | undefined;
  /** Tokens that were in that batch. */
  readonly batchTokens: number | undefined;
  /** When asked for: the token itself, then the likeliest ones. */
  readonly logprobs: readonly [WorkerLogprob, ...WorkerLogprob[]] | undefined;
}

/** Options of one call. */
export interface CallOptions {
  /** Aborts the call in the process; a process that does not obey within `abortMsMax` is killed. */
  readonly signal?: AbortSignal | undefined;
  /** Deadline without a sign of life. Default `silenceMsMax`. */
  readonly silenceMsMax?: number | undefined;
  /** How long an aborted call may take to end before the process is killed. Default: that of the process. */
  readonly abortMsMax?: number;
  /** The code of the error when the deadline passes. Default `ENGINE_UNRESPONSIVE`. */
  readonly deadlineCode?: ErrorCode;
  /** For `generate`: called with each token and the characters it completes, in order. */
  readonly onPiece?: (token: number, text: string, facts: PieceFacts) => void;
}

/** One running model process: starting → ready → ended. It never comes back; make a new one. */
export interface ModelProcess {
  readonly pid: number;
  /** Whether the process has ended or is being killed. */
  readonly ended: boolean;
  /** Settles when the process is gone. Never rejects. */
  readonly exited: Promise<void>;
  /**
   * Asks the process for one operation.
   *
   * @throws GemmaError what the process reported; `ABORTED`; `ENGINE_EXITED`, `ENGINE_UNRESPONSIVE` or `ENGINE_PROTOCOL`
   *   when the process is lost.
   */
  call<Operation extends WorkerOperation>(
    operation: Operation,
    params: WorkerOperations[Operation]['params'],
    options?: CallOptions,
  ): Promise<WorkerOperations[Operation]['result']>;
  /** Ends the process: politely, then by force after `abortMsMax`. Safe to call twice. */
  close(): Promise<void>;
}

interface PendingCall {
  readonly operation: WorkerOperation;
  readonly onPiece: (token: number, text: string, facts: PieceFacts) => void;
  readonly utf8: ReturnType<typeof createUtf8Stream>;
  readonly settle: (outcome: { readonly result: unknown } | { readonly error: GemmaError }) => void;
  readonly signOfLife: () => void;
}

const stderrTailCharsMax = 4096;

/**
 * One thread for native work, which runs one piece after the other anyway. With libuv's four, each batch begins on
 * another thread and often on another core, and llama.cpp's helper thread, new with every batch, waits for a core: two
 * threads then decode no faster than one. Figures: docs/decisions/2026-11-23-one-native-thread.md.
 */
const oneNativeThread = { UV_THREADPOOL_SIZE: '1' };

/** How long the streams of an ended process are read: somebody else may hold them open. */
const drainMsMax = 500;

/**
 * Starts a model process and waits until it is ready.
 *
 * @throws GemmaError `ENGINE_START_FAILED` when it ends or stays silent before that, `ENGINE_PROTOCOL` when it is not a
 *   model process, `ABORTED`.
 */
export async function startModelProcess(options: ModelProcessOptions, signal?: AbortSignal): Promise<ModelProcess> {
  if (signal?.aborted) throw abortedError();
  const running = new RunningModelProcess(options);
  options.onSpawn?.(running);
  const onAbort = (): void => running.fail(abortedError());
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await running.ready;
    return running;
  } catch (error) {
    await running.exited;
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

class RunningModelProcess implements ModelProcess {
  readonly ready: Promise<void>;
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #options: ModelProcessOptions;
  readonly #calls = new Map<number, PendingCall>();
  #callId = 0;
  #state: 'starting' | 'ready' | 'ended' = 'starting';
  #stderrTail = '';
  /** Why the process was given up. The first reason wins. */
  #failure: GemmaError | undefined;
  #settleReady: (error?: GemmaError) => void = () => {};

  constructor(options: ModelProcessOptions) {
    this.#options = options;
    const { worker, env } = options;
    const module = worker.module.startsWith('file:') ? fileURLToPath(worker.module) : worker.module;
    this.#child = fork(module, [...(worker.args ?? [])], {
      env: { ...oneNativeThread, ...env },
      // Not the parent's: an inherited --inspect would fight for the port.
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });

    this.ready = new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.fail(
          new GemmaError({
            code: 'ENGINE_START_FAILED',
            message: `Expected the model process to be ready within ${options.startMsMax} ms. It stayed silent and was ended.`,
            facts: { startMsMax: options.startMsMax },
          }),
        );
      }, options.startMsMax);
      this.#settleReady = (error) => {
        clearTimeout(timer);
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    // Whoever started the process awaits `ready`; a failure before that must not count as unhandled.
    this.ready.catch(() => {});

    this.exited = new Promise((resolve) => {
      this.#child.once('error', (cause) => {
        this.fail(
          new GemmaError({
            code: 'ENGINE_START_FAILED',
            message: `The model process could not be started: ${cause.message}`,
            cause,
          }),
        );
        if (this.#child.pid === undefined) resolve();
      });
      // Not 'close': Node never emits it when it was us who disconnected the channel. Not 'exit' alone: the last pieces
      // and the last words on stderr may still be on their way.
      const stderr = this.#child.stderr;
      const drained = Promise.all([
        new Promise((done) => this.#child.once('disconnect', done)),
        stderr === null || new Promise((done) => stderr.once('close', done)),
      ]);
      this.#child.once('exit', (exitCode, exitSignal) => {
        const timer = setTimeout(finish, drainMsMax);
        void drained.then(finish);
        const end = (): void => this.#end(exitCode, exitSignal);
        function finish(): void {
          clearTimeout(timer);
          end();
          resolve();
        }
      });
    });

    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderrTail = (this.#stderrTail + text).slice(-stderrTailCharsMax);
    });
    this.#child.on('message', (message: unknown) => {
      try {
        this.#receive(message);
      } catch (error) {
        if (!isGemmaError(error)) throw error;
        this.fail(error);
      }
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get ended(): boolean {
    return this.#state === 'ended' || this.#failure !== undefined;
  }

  call<Operation extends WorkerOperation>(
    operation: Operation,
    params: WorkerOperations[Operation]['params'],
    {
      signal,
      silenceMsMax = this.#options.silenceMsMax,
      deadlineCode = 'ENGINE_UNRESPONSIVE',
      abortMsMax = this.#options.abortMsMax,
      onPiece = () => {},
    }: CallOptions = {},
  ): Promise<WorkerOperations[Operation]['result']> {
    if (signal?.aborted) return Promise.reject(abortedError());
    if (this.ended) return Promise.reject(this.#failure ?? this.#exitError(null, null));
    this.#callId += 1;
    const id = this.#callId;

    return new Promise((resolve, reject) => {
      let killTimer: NodeJS.Timeout | undefined;
      const onSilence = (): void =>
        this.fail(
          new GemmaError({
            code: deadlineCode,
            message: `Expected a sign of life from the model process within ${silenceMsMax} ms during '${operation}'. It was silent and was ended.`,
            facts: { operation, silenceMsMax },
          }),
        );
      const silenceTimer = setTimeout(onSilence, silenceMsMax);
      const onAbort = (): void => {
        this.#send({ type: 'call', id: (this.#callId += 1), operation: 'abort', params: { call: id } });
        this.#calls.set(this.#callId, ignoredCall);
        killTimer = setTimeout(() => {
          // Only this call was aborted; others of the process hear that they lost it.
          this.#calls.get(id)?.settle({ error: abortedError() });
          this.fail(notObeyed(operation, abortMsMax));
        }, abortMsMax);
      };
      signal?.addEventListener('abort', onAbort, { once: true });

      this.#calls.set(id, {
        operation,
        onPiece,
        utf8: createUtf8Stream(),
        signOfLife: () => silenceTimer.refresh(),
        settle: (outcome) => {
          clearTimeout(silenceTimer);
          clearTimeout(killTimer);
          signal?.removeEventListener('abort', onAbort);
          this.#calls.delete(id);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.result as WorkerOperations[Operation]['result']);
        },
      });
      this.#send({ type: 'call', id, operation, params });
    });
  }

  async close(): Promise<void> {
    this.#failure ??= closedError();
    this.#failCalls(this.#failure);
    if (this.#child.connected) this.#child.disconnect();
    const killTimer = setTimeout(() => this.#child.kill('SIGKILL'), this.#options.abortMsMax);
    await this.exited;
    clearTimeout(killTimer);
  }

  /** Gives the process up: everything that waits fails with `error`, and the process is killed. */
  fail(error: GemmaError): void {
    this.#failure ??= error;
    this.#settleReady(this.#failure);
    this.#failCalls(this.#failure);
    this.#child.kill('SIGKILL');
  }

  #receive(raw: unknown): void {
    // What a lost process still says is of no interest.
    if (this.ended) return;
    const message = parseMessage(raw);
    switch (message.type) {
      case 'ready': {
        if (this.#state !== 'starting') throw protocolError("a second 'ready'");
        if (message.protocol !== workerProtocolVersion) {
          throw protocolError(`protocol version ${message.protocol}, expected ${workerProtocolVersion}`);
        }
        this.#state = 'ready';
        this.#settleReady();
        return;
      }
      case 'log':
        this.#options.log(`model process: ${message.message}`);
        return;
      case 'piece': {
        const call = this.#pending(message.id, 'piece');
        if (call.operation !== 'generate') throw protocolError(`a piece for '${call.operation}'`);
        call.signOfLife();
        const text =
          message.text === undefined ? call.utf8.write(Buffer.from(message.bytes ?? '', 'base64')) : message.text;
        const { ms, batchTokens, logprobs } = message;
        call.onPiece(message.token, text, { ms, batchTokens, logprobs });
        return;
      }
      case 'result': {
        const call = this.#pending(message.id, 'result');
        if (call === ignoredCall) {
          this.#calls.delete(message.id);
          return;
        }
        const problem = resultProblem(call.operation, message.result);
        if (problem !== undefined) throw protocolError(`a result of '${call.operation}' with ${problem}`);
        // A character that a limit or an abort cut is left out; one that the model left unfinished is shown as U+FFFD.
        const isModelsEnd = (message.result as { readonly reason?: unknown }).reason === 'stop';
        const rest = isModelsEnd ? call.utf8.end() : '';
        if (rest !== '') call.onPiece(-1, rest, noFacts);
        call.settle({ result: message.result });
        return;
      }
      case 'failure': {
        const { code, message: text, facts } = message.error;
        this.#pending(message.id, 'failure').settle({ error: new GemmaError({ code, message: text, facts }) });
        this.#calls.delete(message.id);
        return;
      }
      default:
        message satisfies never;
    }
  }

  #pending(id: number, what: string): PendingCall {
    const call = this.#calls.get(id);
    if (call === undefined) throw protocolError(`a ${what} for call ${id}, which is not open`);
    return call;
  }

  #send(message: unknown): void {
    // A closed channel shows as the process's end, with its exit code; there is nothing to add here.
    this.#child.send(message as object, () => {});
  }

  #end(exitCode: number | null, exitSignal: NodeJS.Signals | null): void {
    if (this.#state === 'ended') return;
    const error = this.#failure ?? this.#exitError(exitCode, exitSignal);
    this.#state = 'ended';
    this.#failure = error;
    this.#settleReady(error);
    this.#failCalls(error);
  }

  #failCalls(error: GemmaError): void {
    for (const call of this.#calls.values()) call.settle({ error });
    this.#calls.clear();
  }

  #exitError(exitCode: number | null, signal: NodeJS.Signals | null): GemmaError {
    const how = signal === null ? `with exit code ${exitCode}` : `by ${signal}`;
    const starting = this.#state === 'starting';
    const stderrTail = this.#stderrTail.trim();
    return new GemmaError({
      code: starting ? 'ENGINE_START_FAILED' : 'ENGINE_EXITED',
      message: `The model process ended ${how} ${starting ? 'before it was ready' : 'in the middle of its work'}. The next prompt gets a fresh one; \`gemma doctor\` looks for the cause.${stderrTail === '' ? '' : ` Its last words: ${stderrTail.slice(-400)}`}`,
      facts: { exitCode, signal, stderrTail },
    });
  }
}

const noFacts: PieceFacts = { ms: undefined, batchTokens: undefined, logprobs: undefined };

/** Stands for the answer to an `abort`, which nobody waits for. */
const ignoredCall: PendingCall = {
  operation: 'abort',
  onPiece: () => {},
  utf8: createUtf8Stream(),
  settle: () => {},
  signOfLife: () => {},
};

/** Checks the outer shape of a message. */
function parseMessage(raw: unknown): WorkerMessage {
  if (typeof raw !== 'object' || raw === null) throw protocolError(`a ${raw === null ? 'null' : typeof raw}`);
  const message = raw as Record<string, unknown>;
  const hasId = Number.isInteger(message['id']);
  switch (message['type']) {
    case 'ready':
      if (!Number.isInteger(message['protocol'])) throw protocolError("a 'ready' without a protocol version");
      break;
    case 'log':
      if (typeof message['message'] !== 'string') throw protocolError("a 'log' without a message");
      break;
    case 'piece': {
      const texts = [message['text'], message['bytes']].filter((value) => value !== undefined);
      const sound = texts.length === 1 && typeof texts[0] === 'string';
      if (!hasId || !Number.isInteger(message['token']) || !sound) throw protocolError('a malformed piece');
      const factsAreSound =
        isNumberOrMissing(message['ms']) &&
        isNumberOrMissing(message['batchTokens']) &&
        (message['logprobs'] === undefined || areLogprobs(message['logprobs']));
      if (!factsAreSound) throw protocolError('a piece with malformed facts');
      break;
    }
    case 'result':
      if (!hasId) throw protocolError("a 'result' without an id");
      break;
    case 'failure': {
      const error = message['error'] as Record<string, unknown> | null | undefined;
      const known = typeof error?.['code'] === 'string' && Object.hasOwn(errorCodes, error['code']);
      if (!hasId || !known || typeof error?.['message'] !== 'string') throw protocolError('a malformed failure');
      break;
    }
    default:
      throw protocolError(`a message of type ${JSON.stringify(message['type']) ?? 'undefined'}`);
  }
  return raw as WorkerMessage;
}

function isNumberOrMissing(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && value >= 0);
}

function areLogprobs(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((entry: unknown) => {
      const { bytes, logprob } = (entry ?? {}) as Record<string, unknown>;
      return typeof bytes === 'string' && typeof logprob === 'number';
    })
  );
}

function protocolError(what: string): GemmaError {
  return new GemmaError({
    code: 'ENGINE_PROTOCOL',
    message: `Expected the messages of a model process, and got ${what}. The process was ended; the next prompt gets a fresh one.`,
  });
}

function notObeyed(operation: WorkerOperation, abortMsMax: number): GemmaError {
  return new GemmaError({
    code: 'ENGINE_UNRESPONSIVE',
    message: `The model process did not end '${operation}' within ${abortMsMax} ms of its abort and was ended. The next prompt gets a fresh one.`,
    facts: { operation, abortMsMax },
  });
}
