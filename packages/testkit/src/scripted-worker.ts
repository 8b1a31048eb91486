/**
 * A model process without a model: speaks the worker protocol as a real one does, from a script given as its argument
 * (see `worker-script.ts`). Its sequences are true: an answer depends on what was really appended and cut.
 *
 * @module
 */
import { readFileSync, writeSync } from 'node:fs';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { workerProtocolVersion } from '@gemma-cli/contracts/worker-protocol';
import type { WorkerCall, WorkerMessage, WorkerOperations } from '@gemma-cli/contracts/worker-protocol';
import { scriptedBatches } from './scripted-batches.ts';
import type { BatchCost } from './scripted-batches.ts';
import {
  appendBatch,
  byteOfToken,
  cutSequence,
  nextScriptedToken,
  openScriptedSequence,
  renderScriptedTokens,
  scriptedLogprobs,
  scriptedScore,
  scriptedTokens,
  scriptedVector,
  tokenizeScripted,
} from './scripted-model.ts';
import type { ScriptedSequence } from './scripted-model.ts';
import { readState, stateOrigin, writeHalfState, writeState } from './scripted-states.ts';
import { journalPids, readJournal, writeJournal } from './worker-journal.ts';
import type { JournalLine } from './worker-journal.ts';
import { decodeWorkerScript } from './worker-script.ts';
import type { Fault, FaultPoint, ScriptedText } from './worker-script.ts';

/** A worker that was forgotten by its engine ends by itself after this time, so that a failed test leaves nothing. */
const lifeMsMax = 120_000;
/** Tokens that the guesses of a speculation are long. */
const draftLength = 3;
/** The kernel's own granularity of a pipe; noise is written in blocks of it. */
const noiseBlockBytes = 65_536;

const script = decodeWorkerScript(process.argv[2] ?? 'base64:e30=', (path) => readFileSync(path, 'utf8'));

const batchTokensMax = script.batchTokens ?? 512;

/** A call that runs or waits. */
interface Job {
  readonly call: WorkerCall;
  state: 'waiting' | 'running';
  aborted: boolean;
  /** The next `save-state` runs out of disk. */
  diskIsFull: boolean;
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

/** One of the independent sequences of the context. */
interface Sequence {
  readonly held: ScriptedSequence;
  recital: Recital | null;
  /** Lengths at which the state was remembered, the newest last. */
  checkpoints: number[];
  /** The most tokens that it held since it was emptied or came back to a checkpoint: what a sliding window slid over. */
  longest: number;
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

/** Calls that wait or run, in the order they came. */
const jobs: Job[] = [];
let hung = false;
let threads = 1;
let loaded: WorkerOperations['load']['params'] | null = null;
let contextTokens = 0;
let hasDraft = false;
let tokensAppended = 0;
let generations = 0;
/** Passages that were ranked so far. */
let rankedPassages = 0;
const sequences = new Map<number, Sequence>();
const struck = new Set<Fault>();
let spawnNumber = 1;
/** Messages that have not left this process. */
const outbox = { unsent: 0 };
const batches = scriptedBatches(script, {
  threads: () => threads,
  sideBySide: () => jobs.length > 1,
  note,
});

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
  jobs.push({ call, state: 'waiting', aborted: false, diskIsFull: false, replaced: null, again: null });
  startJobs();
}

function abort(id: number): void {
  const job = jobs.find(({ call }) => call.id === id);
  if (job === undefined) return;
  job.aborted = true;
  // A call that waits for another one of its sequence ends without its turn.
  if (job.state === 'waiting') void work(job);
}

/** Starts every call that no earlier one of the same sequence keeps waiting. Nothing goes beside a load. */
function startJobs(): void {
  const taken = new Set<number>();
  for (const job of jobs) {
    const own = sequencesOf(job.call);
    if (job.state === 'waiting' && !own.some((sequence) => taken.has(sequence))) {
      if (job.call.operation === 'load' && job !== jobs[0]) return;
      void work(job);
    }
    if (job.call.operation === 'load') return;
    for (const sequence of own) taken.add(sequence);
  }
}

/** The sequences that a call works on. */
function sequencesOf({ params }: WorkerCall): readonly number[] {
  if ('sequence' in params) return [params.sequence];
  return 'from' in params ? [params.from, params.to] : [];
}

async function work(job: Job): Promise<void> {
  job.state = 'running';
  await answer(job);
  jobs.splice(jobs.indexOf(job), 1);
  startJobs();
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
    if (call.operation === 'generate') return ended('aborted', sequenceOf(call.params.sequence), 0, 0);
    throw new Failure('ABORTED', 'The call was aborted before it began.');
  }
  switch (call.operation) {
    case 'load':
      return load(call.params, job);
    case 'load-draft':
      await strike('load-draft', 0, job);
      hasDraft = true;
      return { architecture: 'scripted' };
    case 'tokenize':
      return tokenize(call.params, job);
    case 'truncate':
      await strike('truncate', 0, job);
      return { kept: cut(sequenceOf(call.params.sequence), call.params.tokens) };
    case 'checkpoint':
      return checkpoint(call.params, job);
    case 'copy':
      return copy(call.params, job);
    case 'evaluate':
      return evaluate(call.params, job);
    case 'generate':
      return generate(call.params, job);
    case 'save-state':
      return saveState(call.params, job);
    case 'load-state':
      return loadState(call.params, job);
    case 'embed':
      return embed(call.params, job);
    case 'rank':
      return rank(call.params, job);
    case 'memory':
      return memory(job);
    default:
      throw new Failure('INTERNAL', `${call.operation} is taken at once and never queued.`);
  }
}

async function load(params: WorkerOperations['load']['params'], job: Job): Promise<WorkerOperations['load']['result']> {
  await strike('load', 0, job);
  if (loaded !== null) throw new Failure('INTERNAL', 'A process loads one model once.');
  loaded = params;
  const trainContextTokens = script.trainContextTokens ?? 65_536;
  contextTokens = Math.min(params.contextTokens, trainContextTokens);
  threads = params.threads;
  for (let sequence = 0; sequence < params.sequences; sequence += 1)
    sequences.set(sequence, { held: openScriptedSequence(), recital: null, checkpoints: [], longest: 0 });
  const capabilities = {
    seed: true,
    stopStrings: true,
    topP: true,
    minP: true,
    repeatPenalty: true,
    extendedSampling: true,
    perRequestSampling: true,
    tokenCounts: true,
    inBandAbort: true,
    schema: true,
    logprobs: true,
    speculation: true,
    embeddings: false,
    ranking: false,
    savedState: true,
    chat: true,
    ...script.capabilities,
  };
  return {
    architecture: 'scripted',
    contextTokens,
    trainContextTokens,
    batchTokens: batchTokensMax,
    capabilities,
    runtime: { name: 'scripted', version: '1.0.0' },
    embedding: embeddingOf(capabilities.embeddings),
  };
}

function embeddingOf(embeds: boolean): WorkerOperations['load']['result']['embedding'] {
  return script.embedding ?? (embeds ? { dimensions: 8, pooling: 'mean' } : null);
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

/** Cuts as the script allows: to what was asked, to a checkpoint before it, or to nothing. */
function cut(sequence: Sequence, tokens: number): number {
  const { held } = sequence;
  if (tokens < held.tokens.length) {
    const kept = reachableCut(sequence, tokens);
    cutSequence(held, kept);
    sequence.checkpoints = sequence.checkpoints.filter((length) => length <= kept);
    if (kept === 0 || sequence.checkpoints.includes(kept)) sequence.longest = kept;
  }
  return held.tokens.length;
}

function reachableCut({ longest, checkpoints }: Sequence, tokens: number): number {
  if (longest - tokens <= (script.cutTokensMax ?? Infinity)) return Math.max(0, tokens - (script.cutLoss ?? 0));
  return Math.max(0, ...checkpoints.filter((length) => length <= tokens));
}

async function checkpoint(
  params: WorkerOperations['checkpoint']['params'],
  job: Job,
): Promise<WorkerOperations['checkpoint']['result']> {
  await strike('checkpoint', 0, job);
  const sequence = sequenceOf(params.sequence);
  const { length } = sequence.held.tokens;
  const others = sequence.checkpoints.filter((other) => other !== length);
  sequence.checkpoints = params.keepMax > 0 ? [...others, length].slice(-params.keepMax) : [];
  return { bytes: script.checkpointBytes ?? (script.cutTokensMax === undefined ? 0 : 64 * length) };
}

async function copy(params: WorkerOperations['copy']['params'], job: Job): Promise<WorkerOperations['copy']['result']> {
  await strike('copy', 0, job);
  const [from, to] = [sequenceOf(params.from), sequenceOf(params.to)];
  const { length } = from.held.tokens;
  const kept = params.tokens >= length ? length : reachableCut(from, params.tokens);
  cutSequence(to.held, 0);
  to.held.tokens.push(...from.held.tokens.slice(0, kept));
  to.held.hashes.push(...from.held.hashes.slice(0, kept));
  to.recital = null;
  to.checkpoints = from.checkpoints.filter((checkpoint) => checkpoint <= kept);
  to.longest = kept === 0 || from.checkpoints.includes(kept) ? kept : from.longest;
  return { kept };
}

async function evaluate(
  params: WorkerOperations['evaluate']['params'],
  job: Job,
): Promise<WorkerOperations['evaluate']['result']> {
  const cost = await append(params, job);
  if (job.aborted || cost === null) throw new Failure('ABORTED', 'The call was aborted while it evaluated.');
  return { length: sequenceOf(params.sequence).held.tokens.length, ...cost };
}

async function generate(
  params: WorkerOperations['generate']['params'],
  job: Job,
): Promise<WorkerOperations['generate']['result']> {
  const sequence = sequenceOf(params.sequence);
  const { held } = sequence;
  generations += 1;
  if (params.tokens.length === 0)
    throw new Failure('ENGINE_FAILED', 'generate needs at least one token to go on from.');
  if (params.grammar !== null && !/^\s*root\s*::=/mu.test(params.grammar))
    throw new Failure('GRAMMAR_INVALID', 'The grammar has no rule root.');
  if (params.speculation === 'draft' && !hasDraft)
    throw new Failure('ENGINE_FAILED', 'No model was loaded that could guess ahead.');
  const goesOn =
    sequence.recital !== null && sequence.recital.length === held.tokens.length && params.tokens.length === 1;
  const cost = await append(params, job);
  if (job.aborted || cost === null) return ended('aborted', sequence, 0, 0);
  const prompt = renderScriptedTokens(held.tokens);
  note({
    event: 'decode',
    sequence: params.sequence,
    prompt: prompt.slice(-20_000),
    promptTokens: held.tokens.length,
  });
  if (!goesOn) sequence.recital = reciteFor(prompt, params.grammar !== null);
  const { reason, said } = await decode(sequence, params, cost, job);
  if (sequence.recital !== null) sequence.recital.length = held.tokens.length;
  const drafts = params.speculation === null ? 0 : Math.ceil(said / (draftLength + 1));
  const accepted = params.speculation === null ? 0 : said - drafts;
  if (params.speculation !== null)
    note({ event: 'speculation', type: params.speculation, drafted: drafts * draftLength, accepted });
  return ended(reason, sequence, drafts * draftLength, accepted);
}

function ended(
  reason: 'stop' | 'length' | 'aborted',
  { held }: Sequence,
  draftedTokens: number,
  acceptedTokens: number,
): WorkerOperations['generate']['result'] {
  return { reason, length: held.tokens.length, draftedTokens, acceptedTokens };
}

/** Appends tokens in one batch: one after the other in time, together in their numbers. `null` = aborted before it began. */
async function append(
  { sequence: index, tokens, alone }: Pick<WorkerOperations['evaluate']['params'], 'sequence' | 'tokens' | 'alone'>,
  job: Job,
): Promise<BatchCost | null> {
  const sequence = sequenceOf(index);
  const { held } = sequence;
  note({ event: 'evaluate', sequence: index, tokens: tokens.length, held: held.tokens.length });
  if (tokens.length > batchTokensMax)
    throw new Failure('ENGINE_FAILED', `A batch has at most ${batchTokensMax} tokens, not ${tokens.length}.`);
  if (held.tokens.length + tokens.length > contextTokens)
    throw new Failure('ENGINE_FAILED', `The context of ${contextTokens} tokens is full.`);
  const msPerToken = (script.evaluateMsPerToken ?? 0) * (script.timeScale ?? 1);
  return batches.join({
    sequence: index,
    does: 'evaluate',
    tokens: tokens.length,
    alone,
    isOff: () => job.aborted,
    async run(batchTokens) {
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
      hold(sequence, done === tokens.length ? tokens : tokens.slice(0, done), batchTokens);
      tokensAppended += done;
      if (msPerToken > 0) await turn();
    },
  });
}

function hold(sequence: Sequence, tokens: readonly number[], batchTokens: number): void {
  appendBatch(sequence.held, tokens, script.batchSensitive === true ? batchTokens : null);
  sequence.longest = Math.max(sequence.longest, sequence.held.tokens.length);
}

async function decode(
  sequence: Sequence,
  params: WorkerOperations['generate']['params'],
  promptCost: BatchCost,
  job: Job,
): Promise<{ readonly reason: 'stop' | 'length' | 'aborted'; readonly said: number }> {
  const { held, recital } = sequence;
  const { maxTokens, logprobs } = params;
  const decoder = new TextDecoder();
  let cost = promptCost;
  for (let count = 0; ; count += 1) {
    await strike('piece', count, job);
    if (job.aborted) return { reason: 'aborted', said: count };
    if (count === maxTokens) return { reason: 'length', said: count };
    const piece = recital === null ? pieceOfModel(held, params.sampling) : recital.pieces[recital.next];
    if (piece === undefined || piece.token === scriptedTokens.endOfTurn) return { reason: 'stop', said: count };
    if (recital !== null) recital.next += 1;
    if (count % 1_000 === 0) note({ event: 'pieces', count: count + 1 });
    await send({
      type: 'piece',
      id: job.call.id,
      token: piece.token,
      ...(script.encoding === 'text'
        ? { text: decoder.decode(piece.bytes, { stream: true }) }
        : { bytes: piece.bytes.toString('base64') }),
      ...cost,
      ...(logprobs !== null && { logprobs: scriptedLogprobs(piece.bytes, logprobs) }),
    });
    if (count % 16 === 15) await turn();
    // The last token is sampled, not evaluated: it is appended only when another one is to be sampled.
    if (count + 1 < maxTokens) {
      if (held.tokens.length + 1 > contextTokens)
        throw new Failure('ENGINE_FAILED', `The context of ${contextTokens} tokens is full.`);
      const next = await batches.join({
        sequence: params.sequence,
        does: 'decode',
        tokens: 1,
        alone: params.alone,
        isOff: () => job.aborted,
        run: async (batchTokens) => hold(sequence, [piece.token], batchTokens),
      });
      if (next === null) return { reason: 'aborted', said: count + 1 };
      cost = next;
    }
  }
}

function pieceOfModel(
  held: ScriptedSequence,
  sampling: WorkerOperations['generate']['params']['sampling'],
): { token: number; bytes: Buffer } {
  const token = nextScriptedToken(held, sampling);
  return { token, bytes: Buffer.from([byteOfToken(token) ?? 0]) };
}

function reciteFor(prompt: string, hasGrammar: boolean): Recital | null {
  const answer =
    script.answerWhen?.find(({ promptHas }) => prompt.includes(promptHas))?.answer ??
    (hasGrammar ? { text: script.grammarAnswer ?? '{"answer":"scripted"}' } : script.answer);
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

async function saveState(
  params: WorkerOperations['save-state']['params'],
  job: Job,
): Promise<WorkerOperations['save-state']['result']> {
  await strike('save-state', 0, job);
  const { held } = sequenceOf(params.sequence);
  if (job.diskIsFull) {
    writeHalfState(params.path, held, origin());
    throw new Failure('DISK_FULL', `No space is left for ${params.path}.`, { errno: 'ENOSPC' });
  }
  try {
    return { bytes: writeState(params.path, held, origin()), tokens: held.tokens.length };
  } catch (error) {
    throw new Failure('FILE_UNREADABLE', `The state could not be written: ${(error as Error).message}`);
  }
}

async function loadState(
  params: WorkerOperations['load-state']['params'],
  job: Job,
): Promise<WorkerOperations['load-state']['result']> {
  await strike('load-state', 0, job);
  const sequence = sequenceOf(params.sequence);
  sequence.recital = null;
  sequence.checkpoints = [];
  sequence.longest = 0;
  try {
    const kept = readState(params.path, sequence.held, params.tokens, origin());
    sequence.longest = kept;
    return { kept };
  } catch (error) {
    cutSequence(sequence.held, 0);
    throw new Failure('ENGINE_FAILED', `The state could not be read: ${(error as Error).message}`);
  }
}

function origin(): string {
  if (loaded === null) throw new Failure('ENGINE_FAILED', 'There is no state before load.');
  return stateOrigin(loaded);
}

async function embed(
  { inputs }: WorkerOperations['embed']['params'],
  job: Job,
): Promise<WorkerOperations['embed']['result']> {
  await strike('embed', 0, job);
  const dimensions = embeddingOf(script.capabilities?.embeddings ?? false)?.dimensions;
  if (dimensions === undefined) throw new Failure('OPTION_UNSUPPORTED', 'The model gives no vectors.');
  const tooLong = inputs.find(({ length }) => length > contextTokens);
  if (tooLong !== undefined)
    throw new Failure('CONTEXT_EXCEEDED', `A text of ${tooLong.length} tokens is longer than ${contextTokens}.`);
  await drain();
  if (job.aborted) throw new Failure('ABORTED', 'The call was aborted while it computed.');
  return {
    vectors: inputs.map((tokens) => Buffer.from(scriptedVector(tokens, dimensions).buffer).toString('base64')),
  };
}

async function rank(
  { query, passages, truncate }: WorkerOperations['rank']['params'],
  job: Job,
): Promise<WorkerOperations['rank']['result']> {
  await strike('rank', rankedPassages, job);
  rankedPassages += passages.length;
  const tooLong = passages.find((passage) => Buffer.byteLength(query + passage) > contextTokens);
  if (tooLong !== undefined && !truncate)
    throw new Failure('CONTEXT_EXCEEDED', `A passage of ${tooLong.length} characters is longer than the context.`);
  return { scores: passages.map((passage) => scriptedScore(query, passage)) };
}

async function memory(job: Job): Promise<WorkerOperations['memory']['result']> {
  await strike('memory', 0, job);
  const {
    residentBytes,
    anonymousBytes,
    growthBytes,
    draftBytes = 0,
  } = script.memory ?? { residentBytes: 64 * 2 ** 20, anonymousBytes: 64 * 2 ** 20, growthBytes: 0 };
  const growth = generations * growthBytes + (hasDraft ? draftBytes : 0);
  return { resident: residentBytes + growth, anonymous: anonymousBytes === null ? null : anonymousBytes + growth };
}

/** Lets the faults of a point strike, each once unless it says otherwise. */
async function strike(point: FaultPoint, passed: number, job: Job | null): Promise<void> {
  for (const fault of script.faults ?? []) {
    if (fault.at !== point || passed < (fault.after ?? 0) || (struck.has(fault) && fault.always !== true)) continue;
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
    case 'disk-full':
      if (job !== null) job.diskIsFull = true;
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

function sequenceOf(index: number): Sequence {
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
  const inputs = 'inputs' in params ? { inputs: params.inputs.length } : {};
  note({ event: 'call', operation, params: { ...params, ...tokens, ...inputs } });
}

function note(line: JournalLine): void {
  if (script.journal !== undefined) writeJournal(script.journal, process.pid, line);
}
