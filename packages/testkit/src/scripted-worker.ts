/**
 * A model process without a model: speaks the worker protocol as a real one does, from a script given as its argument
 * (see `worker-script.ts`). Its sequences are true: an answer depends on what was really appended and cut.
 *
 * @module
 */
import { readFileSync, writeSync } from 'node:fs';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { workerProtocolVersion } from '@gemma-cli/contracts/worker-protocol';
import type {
  ResolvedSampling,
  WorkerCall,
  WorkerMessage,
  WorkerOperations,
} from '@gemma-cli/contracts/worker-protocol';
import {
  appendBatch,
  byteOfToken,
  cutSequence,
  nextScriptedToken,
  openScriptedSequence,
  renderScriptedTokens,
  scriptedTokens,
  tokenizeScripted,
} from './scripted-model.ts';
import type { ScriptedSequence } from './scripted-model.ts';
import { journalPids, readJournal, writeJournal } from './worker-journal.ts';
import type { JournalLine } from './worker-journal.ts';
import { decodeWorkerScript } from './worker-script.ts';
import type { Fault, FaultPoint, ScriptedText } from './worker-script.ts';

/** A worker that was forgotten by its engine ends by itself after this time, so that a failed test leaves nothing. */
const lifeMsMax = 120_000;
/** The kernel's own granularity of a pipe; noise is written in blocks of it. */
const noiseBlockBytes = 65_536;

const script = decodeWorkerScript(process.argv[2] ?? 'base64:e30=', (path) => readFileSync(path, 'utf8'));

/** A call that runs or waits. */
interface Job {
  readonly call: WorkerCall;
  aborted: boolean;
  /** What faults put in place of the true result, and what they send once more after it. */
  replaced: { readonly result: unknown } | null;
  again: 'result' | 'piece' | null;
}

/** An answer that a script gives in place of the model's own: where it stands, to go on after a cut by `maxTokens`. */
interface Recital {
  readonly pieces: readonly { readonly token: number; readonly bytes: Buffer }[];
  next: number;
  /** The sequence length at which the next call goes on. */
  length: number;
}

/** Ends a call with a failure in place of a result. */
class Failure extends Error {
  readonly code: string;
  readonly facts: Record<string, unknown> | undefined;
  constructor(code: string, message: string, facts?: Record<string, unknown>) {
    super(message);
    this.code = code;
    this.facts = facts;
  }
}

const queue: Job[] = [];
let running: Job | null = null;
let hung = false;
let threads = 1;
let contextTokens = 0;
let tokensAppended = 0;
const sequences = new Map<number, { readonly held: ScriptedSequence; recital: Recital | null }>();
const struck = new Set<Fault>();
let spawnNumber = 1;
/** Messages that have not left this process. */
const outbox = { unsent: 0 };

void main();

async function main(): Promise<void> {
  setTimeout(() => process.exit(99), lifeMsMax).unref();
  // oxlint-disable-next-line node/no-process-env -- a test of the environment asks for the names
  note({ event: 'spawn', environment: Object.keys(process.env) });
  if (script.journal !== undefined) spawnNumber = journalPids(readJournal(script.journal)).indexOf(process.pid) + 1;
  process.on('disconnect', () => {
    if (!hung) process.exit(0);
  });
  process.on('message', (call: WorkerCall) => {
    if (!hung) receive(call);
  });
  await strike('ready', 0, null);
  await send({
    type: 'ready',
    protocol: (script.protocol === undefined ? workerProtocolVersion : script.protocol) as number,
  });
}

function receive(call: WorkerCall): void {
  if (call.operation === 'abort') {
    noteCall(call);
    abort(call.params.call);
    void send({ type: 'result', id: call.id, result: {} });
    return;
  }
  if (call.operation === 'set-threads') {
    noteCall(call);
    threads = call.params.threads;
    void send({ type: 'result', id: call.id, result: { threads } });
    return;
  }
  queue.push({ call, aborted: false, replaced: null, again: null });
  if (running === null) void work();
}

function abort(id: number): void {
  if (running?.call.id === id) running.aborted = true;
  for (const job of queue) if (job.call.id === id) job.aborted = true;
}

async function work(): Promise<void> {
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    running = job;
    await answer(job);
    running = null;
  }
}

async function answer(job: Job): Promise<void> {
  const { id, operation } = job.call;
  noteCall(job.call);
  try {
    const result = await perform(job);
    if (operation === 'generate') await strike('end', 0, job);
    await send({ type: 'result', id, result: job.replaced === null ? result : job.replaced.result });
    if (job.again === 'result') await send({ type: 'result', id, result });
    if (job.again === 'piece') await send({ type: 'piece', id, token: scriptedTokens.firstByte + 0x21, text: '!' });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    await send({
      type: 'failure',
      id,
      error: { code: error.code as 'INTERNAL', message: error.message, ...(error.facts && { facts: error.facts }) },
    });
  }
  note({ event: 'answered', operation });
}

async function perform(job: Job): Promise<unknown> {
  const { call } = job;
  if (job.aborted) {
    if (call.operation === 'generate')
      return { reason: 'aborted', length: sequenceOf(call.params.sequence).held.tokens.length };
    throw new Failure('ABORTED', 'The call was aborted before it began.');
  }
  switch (call.operation) {
    case 'load':
      return load(call.params, job);
    case 'tokenize':
      return tokenize(call.params, job);
    case 'truncate':
      return truncate(call.params, job);
    case 'evaluate':
      return evaluate(call.params, job);
    case 'generate':
      return generate(call.params, job);
    default:
      throw new Failure('INTERNAL', `${call.operation} is taken at once and never queued.`);
  }
}

async function load(params: WorkerOperations['load']['params'], job: Job): Promise<WorkerOperations['load']['result']> {
  await strike('load', 0, job);
  if (contextTokens !== 0) throw new Failure('INTERNAL', 'A process loads one model once.');
  const trainContextTokens = script.trainContextTokens ?? 65_536;
  contextTokens = Math.min(params.contextTokens, trainContextTokens);
  threads = params.threads;
  for (let sequence = 0; sequence < params.sequences; sequence += 1)
    sequences.set(sequence, { held: openScriptedSequence(), recital: null });
  return {
    architecture: 'scripted',
    contextTokens,
    trainContextTokens,
    capabilities: {
      seed: true,
      stopStrings: true,
      minP: true,
      repeatPenalty: true,
      perRequestSampling: true,
      tokenCounts: true,
      inBandAbort: true,
      schema: false,
      embeddings: false,
      savedState: false,
      chat: true,
      ...script.capabilities,
    },
    runtime: { name: 'scripted', version: '1.0.0' },
  };
}

async function tokenize(
  { input }: WorkerOperations['tokenize']['params'],
  job: Job,
): Promise<WorkerOperations['tokenize']['result']> {
  await strike('tokenize', 0, job);
  if (input.type === 'chat') {
    if (script.capabilities?.chat === false)
      throw new Failure('OPTION_UNSUPPORTED', 'The model file has no chat template.');
    if (script.strictTurns === true) {
      const turns = input.messages.filter(({ role }) => role !== 'system');
      if (turns.some(({ role }, index) => role !== (index % 2 === 0 ? 'user' : 'assistant')))
        throw new Failure('ENGINE_FAILED', 'Roles of a conversation must alternate between user and assistant.');
    }
  }
  return { tokens: tokenizeScripted(input) };
}

async function truncate(
  params: WorkerOperations['truncate']['params'],
  job: Job,
): Promise<WorkerOperations['truncate']['result']> {
  await strike('truncate', 0, job);
  const { held } = sequenceOf(params.sequence);
  if (params.tokens < held.tokens.length) {
    const back = held.tokens.length - params.tokens;
    const kept = back > (script.cutTokensMax ?? Infinity) ? 0 : Math.max(0, params.tokens - (script.cutLoss ?? 0));
    cutSequence(held, kept);
  }
  return { kept: held.tokens.length };
}

async function evaluate(
  params: WorkerOperations['evaluate']['params'],
  job: Job,
): Promise<WorkerOperations['evaluate']['result']> {
  const { held } = sequenceOf(params.sequence);
  await append(held, params.tokens, job);
  if (job.aborted) throw new Failure('ABORTED', 'The call was aborted while it evaluated.');
  return { length: held.tokens.length };
}

async function generate(
  params: WorkerOperations['generate']['params'],
  job: Job,
): Promise<WorkerOperations['generate']['result']> {
  const sequence = sequenceOf(params.sequence);
  const { held } = sequence;
  if (params.tokens.length === 0)
    throw new Failure('ENGINE_FAILED', 'generate needs at least one token to go on from.');
  const goesOn =
    sequence.recital !== null && sequence.recital.length === held.tokens.length && params.tokens.length === 1;
  await append(held, params.tokens, job);
  if (job.aborted) return { reason: 'aborted', length: held.tokens.length };
  const prompt = renderScriptedTokens(held.tokens);
  note({ event: 'decode', prompt: prompt.slice(-20_000), promptTokens: held.tokens.length });
  if (!goesOn) sequence.recital = reciteFor(prompt);
  const reason = await decode(sequence, params.sampling, params.maxTokens, job);
  if (sequence.recital !== null) sequence.recital.length = held.tokens.length;
  return { reason, length: held.tokens.length };
}

/** Appends tokens one after the other in time, as one batch in their numbers. */
async function append(held: ScriptedSequence, tokens: readonly number[], job: Job): Promise<void> {
  note({ event: 'evaluate', tokens: tokens.length, held: held.tokens.length });
  if (held.tokens.length + tokens.length > contextTokens)
    throw new Failure('ENGINE_FAILED', `The context of ${contextTokens} tokens is full.`);
  const msPerToken = script.evaluateMsPerToken ?? 0;
  const from = tokensAppended;
  // Time passes in steps, so that an abort that the script allows is seen on the way.
  const step = 16;
  let done = 0;
  while (done < tokens.length && !(job.aborted && script.abortsWhileEvaluating === true)) {
    const count = Math.min(step, tokens.length - done);
    if (msPerToken > 0) await sleep(count * msPerToken);
    done += count;
    await strike('evaluate', from + done, job);
  }
  appendBatch(held, done === tokens.length ? tokens : tokens.slice(0, done), script.batchSensitive ?? false);
  tokensAppended += done;
  if (msPerToken > 0) await turn();
}

async function decode(
  sequence: { readonly held: ScriptedSequence; readonly recital: Recital | null },
  sampling: ResolvedSampling,
  maxTokens: number,
  job: Job,
): Promise<'stop' | 'length' | 'aborted'> {
  const { held, recital } = sequence;
  const decoder = new TextDecoder();
  for (let count = 0; ; count += 1) {
    await strike('piece', count, job);
    if (job.aborted) return 'aborted';
    if (count === maxTokens) return 'length';
    const piece = recital === null ? pieceOfModel(held, sampling) : recital.pieces[recital.next];
    if (piece === undefined || piece.token === scriptedTokens.endOfTurn) return 'stop';
    if (script.pieceMs !== undefined) await sleep(script.pieceMs);
    if (recital !== null) recital.next += 1;
    if (count % 1_000 === 0) note({ event: 'pieces', count: count + 1 });
    await send({
      type: 'piece',
      id: job.call.id,
      token: piece.token,
      ...(script.encoding === 'text'
        ? { text: decoder.decode(piece.bytes, { stream: true }) }
        : { bytes: piece.bytes.toString('base64') }),
    });
    if (count % 16 === 15) await turn();
    // The last token is sampled, not evaluated: it is appended only when another one is to be sampled.
    if (count + 1 < maxTokens) {
      if (held.tokens.length + 1 > contextTokens)
        throw new Failure('ENGINE_FAILED', `The context of ${contextTokens} tokens is full.`);
      appendBatch(held, [piece.token], script.batchSensitive ?? false);
    }
  }
}

function pieceOfModel(held: ScriptedSequence, sampling: ResolvedSampling): { token: number; bytes: Buffer } {
  const token = nextScriptedToken(held, sampling);
  return { token, bytes: Buffer.from([byteOfToken(token) ?? 0]) };
}

function reciteFor(prompt: string): Recital | null {
  const answer = script.answerWhen?.find(({ promptHas }) => prompt.includes(promptHas))?.answer ?? script.answer;
  return answer === undefined ? null : { pieces: piecesOf(answer), next: 0, length: -1 };
}

function piecesOf(answer: ScriptedText): Recital['pieces'] {
  if ('repeat' in answer) {
    const piece = { token: scriptedTokens.firstPiece, bytes: Buffer.from(answer.repeat) };
    return Array.from({ length: answer.times }, () => piece);
  }
  if ('pieces' in answer)
    return answer.pieces.map((text, index) => ({ token: scriptedTokens.firstPiece + index, bytes: Buffer.from(text) }));
  const bytes = 'hex' in answer ? Buffer.from(answer.hex, 'hex') : Buffer.from(answer.text);
  const size = 'hex' in answer ? 1 : (script.pieceBytes ?? 1);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => {
    const part = bytes.subarray(index * size, (index + 1) * size);
    // A piece of one byte is the token that the tokenizer has for it, so that the next turn's prompt shares it.
    return {
      token: size === 1 ? scriptedTokens.firstByte + (part[0] ?? 0) : scriptedTokens.firstPiece + index,
      bytes: part,
    };
  });
}

/** Lets the faults of a point strike, each once. */
async function strike(point: FaultPoint, passed: number, job: Job | null): Promise<void> {
  for (const fault of script.faults ?? []) {
    if (fault.at !== point || passed < (fault.after ?? 0) || struck.has(fault)) continue;
    if (fault.process !== undefined && fault.process !== spawnNumber) continue;
    struck.add(fault);
    note({ event: 'fault', action: fault.do });
    await strikeOne(fault, job);
  }
}

async function strikeOne(fault: Fault, job: Job | null): Promise<void> {
  switch (fault.do) {
    case 'exit':
      await drain();
      writeAll(2, fault.stderr ?? '');
      return process.exit(fault.code);
    case 'kill':
      await drain();
      writeAll(2, fault.stderr ?? '');
      process.kill(process.pid, fault.signal);
      return new Promise(() => {});
    case 'hang':
      await drain();
      hung = true;
      process.on('SIGTERM', () => {});
      if (fault.block === true) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lifeMsMax);
      setTimeout(() => process.exit(98), lifeMsMax);
      return new Promise(() => {});
    case 'delay':
      await sleep(fault.ms);
      return;
    case 'noise':
      makeNoise(fault.stream, fault.bytes);
      return;
    case 'log':
      await send({ type: 'log', level: 'warn', message: fault.message });
      return;
    case 'failure':
      throw new Failure(fault.code, fault.message, fault.facts);
    case 'send':
      await send(withId(fault.message, job?.call.id ?? 0) as WorkerMessage);
      return;
    case 'result':
      if (job !== null) job.replaced = { result: fault.result };
      return;
    case 'two-results':
      if (job !== null) job.again = 'result';
      return;
    case 'piece-after-end':
      if (job !== null) job.again = 'piece';
      return;
  }
}

function withId(message: unknown, id: number): unknown {
  return JSON.parse(JSON.stringify(message).replaceAll('"$id"', JSON.stringify(id)));
}

function makeNoise(stream: 'stdout' | 'stderr', bytes: number): void {
  const line = `noise of the runtime ${'~'.repeat(76)}\n`;
  const block = line.repeat(Math.ceil(noiseBlockBytes / line.length));
  for (let written = 0; written < bytes; written += block.length)
    writeAll(stream === 'stdout' ? 1 : 2, block.slice(0, bytes - written));
}

/** Writes to a descriptor until all is written, waiting while the pipe is full. */
function writeAll(descriptor: 1 | 2, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Nobody reads any more: noise is lost, as it would be for a real process.
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function sequenceOf(index: number): { readonly held: ScriptedSequence; recital: Recital | null } {
  const sequence = sequences.get(index);
  if (sequence === undefined)
    throw new Failure('ENGINE_FAILED', `There is no sequence ${index}; load opens sequences.`);
  return sequence;
}

/** Resolves when the message has left this process, so that a reader that pauses slows the sender. */
function send(message: WorkerMessage): Promise<void> {
  outbox.unsent += 1;
  return new Promise((resolve) => {
    if (!process.connected || process.send === undefined) {
      outbox.unsent -= 1;
      resolve();
      return;
    }
    process.send(message, undefined, undefined, () => {
      outbox.unsent -= 1;
      resolve();
    });
  });
}

/** Waits until everything sent has left, so that what a fault follows is really seen before it. */
async function drain(): Promise<void> {
  while (outbox.unsent > 0) await turn();
}

function noteCall(call: WorkerCall): void {
  const { operation, params } = call;
  const tokens = 'tokens' in params && Array.isArray(params.tokens) ? { tokens: params.tokens.length } : {};
  note({ event: 'call', operation, params: { ...params, ...tokens } });
}

function note(line: JournalLine): void {
  if (script.journal !== undefined) writeJournal(script.journal, process.pid, line);
}
