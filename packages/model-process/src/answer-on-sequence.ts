import { GemmaError, isGemmaError, requestDefaults } from '@gemma-cli/contracts';
import type {
  EngineEvent,
  FinishReason,
  GenerationEnd,
  RankedTokenLogprob,
  TokenLogprob,
  Usage,
} from '@gemma-cli/contracts';
import type { LoadedModel, WorkerLogprob } from '@gemma-cli/contracts/worker-protocol';
import { tooLarge } from './errors.ts';
import { fitPrompt } from './fit-prompt.ts';
import { createToolCallReader } from './grammar/tool-call-reader.ts';
import type { AnswerPart } from './grammar/tool-call-reader.ts';
import type { ModelProcess, PieceFacts } from './model-process.ts';
import type { RequestClock } from './request-clock.ts';
import { checkCapabilities } from './resolve-request.ts';
import type { ResolvedRequest } from './resolve-request.ts';
import { createStopMatcher } from './stop-matcher.ts';
import { evaluationChunkTokens } from './token-ledger.ts';
import type { TokenLedger } from './token-ledger.ts';

/** A sequence whose beginning is that of the prompt. */
export interface PreparedSequence {
  /** Sequence of the model process. */
  readonly sequence: number;
  /** What the sequence holds; kept true on every way out. */
  readonly ledger: TokenLedger;
  /** Of the prompt's tokens, how many it holds already; at least one is left to sample from. */
  readonly cachedTokens: number;
  /** Of these, how many came from disk. */
  readonly restoredTokens: number;
}

/** How an engine prepares and cuts a prompt: where legacy and optimized differ while they answer. */
export interface AnswerPolicy {
  /** Chooses a sequence, and makes what it holds the beginning of the prompt. */
  prepare(promptTokens: readonly number[]): Promise<PreparedSequence>;
  /** Where the chunk ends that begins at `start`; above `start`, at most `length`. */
  chunkEnd(start: number, length: number): number;
  /** How long an aborted chunk may go on before its process is ended. Default: that of the process. */
  chunkAbortMsMax?(): number | undefined;
  /** A chunk was evaluated; the next one waits for the end of this. */
  chunkEvaluated?(prepared: PreparedSequence, batch: BatchFacts): Promise<void>;
  /** A token was sampled. */
  tokenSampled?(batch: BatchFacts): void;
}

/** What a batch was and cost. */
export interface BatchFacts {
  readonly ms: number;
  /** Tokens that were in it, those of other sequences included. */
  readonly batchTokens: number;
}

/** What one answer needs from its engine. */
export interface AnswerParts {
  readonly process: ModelProcess;
  readonly model: LoadedModel;
  readonly request: ResolvedRequest;
  readonly policy: AnswerPolicy;
  readonly clock: RequestClock;
  readonly emit: (event: EngineEvent) => void;
  readonly signal: AbortSignal;
  /** Default 10 MiB. */
  readonly responseBytesMax?: number | undefined;
}

/**
 * Answers one request on one sequence: fits the prompt, takes over what is cached, evaluates the rest chunk by chunk,
 * decodes until the end. Both engines answer this way; they differ in their policy.
 *
 * @throws GemmaError what the model process or a limit says. An abort is an end, not an error.
 */
export async function answerOnSequence(parts: AnswerParts): Promise<GenerationEnd> {
  const { process, model, request, policy, clock, emit, signal } = parts;
  checkCapabilities(request, model);
  const progress: Progress = { promptTokens: null, cachedTokens: null, evaluatedTokens: null, outputTokens: null };
  try {
    const { tokens: prompt, trimmed } = await fitPrompt(
      request.prompt,
      model,
      request.onContextOverflow,
      async (input) => (await process.call('tokenize', { input }, { signal })).tokens,
    );
    if (trimmed !== undefined) emit(trimmed);
    progress.promptTokens = prompt.length;

    clock.promptStart();
    const prepared = await policy.prepare(prompt);
    const { sequence, ledger, cachedTokens, restoredTokens } = prepared;
    progress.cachedTokens = cachedTokens;
    if (restoredTokens > 0) progress.restoredTokens = restoredTokens;
    progress.evaluatedTokens = 0;

    let start = cachedTokens;
    for (let end = policy.chunkEnd(start, prompt.length); end < prompt.length;) {
      const chunk = prompt.slice(start, end);
      const params = { sequence, tokens: chunk, alone: request.reproducible };
      const abortMsMax = policy.chunkAbortMsMax?.();
      const options = { signal, ...(abortMsMax === undefined ? {} : { abortMsMax }) };
      const { ms, batchTokens } = await process.call('evaluate', params, options);
      ledger.append(chunk, request.reproducible);
      progress.evaluatedTokens += chunk.length;
      await policy.chunkEvaluated?.(prepared, { ms, batchTokens });
      start = end;
      end = policy.chunkEnd(start, prompt.length);
    }
    const { reason, logprobs } = await decode(parts, prepared, prompt.slice(start), prompt.length, progress);
    return { ...end(reason, progress, clock), ...(logprobs.length > 0 && { logprobs }) };
  } catch (error) {
    if (signal.aborted && isGemmaError(error)) return end('aborted', progress, clock);
    throw error;
  }
}

/** An answer that was aborted before its prompt was looked at. */
export function abortedBeforeStart(clock: RequestClock): GenerationEnd {
  return end('aborted', { promptTokens: null, cachedTokens: null, evaluatedTokens: null, outputTokens: null }, clock);
}

/**
 * Cuts a sequence to its first `tokens` tokens and tells how many are left. A model may keep fewer than asked; when the
 * text must be reproducible, the cut then goes on to the boundary of a chunk.
 */
export async function keepPrefix(
  process: ModelProcess,
  { sequence, ledger }: Pick<PreparedSequence, 'sequence' | 'ledger'>,
  tokens: number,
  { reproducible, signal }: { readonly reproducible: boolean; readonly signal: AbortSignal },
): Promise<number> {
  // What the ledger does not tell of is not known to belong to the prompt.
  for (let wanted = Math.min(tokens, ledger.tokens.length); ;) {
    const { kept } = await process.call('truncate', { sequence, tokens: wanted }, { signal });
    if (kept > wanted) throw keptTooMuch(kept, wanted);
    ledger.truncate(kept);
    const beyondChunk = kept % evaluationChunkTokens;
    if (!reproducible || beyondChunk === 0) return kept;
    wanted = kept - beyondChunk;
  }
}

/** Where a chunk ends on the one fixed schedule: at the next multiple of the chunk size. */
export function fixedChunkEnd(start: number, length: number): number {
  return Math.min(length, (Math.floor(start / evaluationChunkTokens) + 1) * evaluationChunkTokens);
}

type Progress = { -readonly [Count in keyof Usage]: Usage[Count] };

/** Evaluates the last chunk and samples until the model, a stop string, a limit or the caller says stop. */
async function decode(
  {
    process,
    model,
    request,
    policy,
    clock,
    emit,
    signal,
    responseBytesMax = requestDefaults.responseBytesMax,
  }: AnswerParts,
  { sequence, ledger }: PreparedSequence,
  lastChunk: readonly number[],
  promptTokens: number,
  progress: Progress,
): Promise<{
  readonly reason: FinishReason;
  /** Of tokens whose text was not shown. */
  readonly logprobs: readonly RankedTokenLogprob[];
}> {
  const stops = createStopMatcher(request.stop);
  const calls = request.tools === null ? null : createToolCallReader(request.tools);
  let callCount = 0;
  const enough = new AbortController();
  const sampled: number[] = [];
  let logprobs: RankedTokenLogprob[] = [];
  let stopped = false;
  let isTooLarge = false;
  let bytes = 0;

  function show(text: string): void {
    if (text === '') return;
    emit({ type: 'text-delta', text, ...(request.logprobs === null ? {} : { logprobs }) });
    logprobs = [];
  }

  /** Takes text of the model: up to a stop string it is the answer's, and a call of a tool is none. */
  function take(text: string): void {
    bytes += Buffer.byteLength(text);
    if (bytes > responseBytesMax) {
      isTooLarge = true;
      enough.abort();
      return;
    }
    if (calls === null) takeText(text);
    else for (const part of calls.push(text)) takePart(part);
  }

  function takePart(part: AnswerPart): void {
    if (part.type === 'text-delta') takeText(part.text);
    if (part.type !== 'tool-call' && part.type !== 'tool-call-cut') return;
    if (part.type === 'tool-call') callCount += 1;
    emit(part);
  }

  function takeText(text: string): void {
    if (stopped) return;
    const shown = stops.write(text);
    show(shown.text);
    if (shown.stopped) {
      stopped = true;
      enough.abort();
    }
  }

  function onPiece(token: number, text: string, facts: PieceFacts): void {
    if (token >= 0) {
      sampled.push(token);
      if (sampled.length === 1) progress.evaluatedTokens = promptTokens - (progress.cachedTokens ?? 0);
    }
    // What the model says between the end and our abort is not part of the answer.
    if (stopped || isTooLarge || signal.aborted) return;
    if (token >= 0) {
      clock.token();
      progress.outputTokens = sampled.length;
      if (facts.logprobs !== undefined) logprobs.push(readLogprobs(facts.logprobs));
      if (facts.ms !== undefined && facts.batchTokens !== undefined) {
        policy.tokenSampled?.({ ms: facts.ms, batchTokens: facts.batchTokens });
      }
    }
    take(text);
  }

  progress.outputTokens = 0;
  const generated = process.call(
    'generate',
    {
      sequence,
      tokens: lastChunk,
      maxTokens: Math.min(request.maxTokens, model.contextTokens - promptTokens),
      sampling: request.sampling,
      alone: request.reproducible,
      grammar: request.grammar,
      logprobs: request.logprobs,
      speculation: request.speculation?.type ?? null,
    },
    { signal: AbortSignal.any([signal, enough.signal]), onPiece },
  );
  const outcome = await generated.catch((error: unknown) => {
    // The answer was whole: a process that stalls behind a stop string takes nothing of it back.
    if (stopped && !signal.aborted && isGemmaError(error)) return undefined;
    throw error;
  });
  if (outcome === undefined) {
    progress.evaluatedTokens = promptTokens - (progress.cachedTokens ?? 0);
    return { reason: 'stop', logprobs };
  }
  const { reason, length, draftedTokens, acceptedTokens } = outcome;
  ledger.append(lastChunk, request.reproducible);
  for (const token of sampled) ledger.append([token], request.reproducible);
  ledger.truncate(length);
  if (length > promptTokens || reason !== 'aborted')
    progress.evaluatedTokens = promptTokens - (progress.cachedTokens ?? 0);
  if (request.speculation !== null) {
    progress.draftedTokens = draftedTokens;
    progress.acceptedTokens = acceptedTokens;
  }

  if (isTooLarge) throw tooLarge(responseBytesMax);
  if (!stopped) for (const part of calls?.end() ?? []) takePart(part);
  if (!stopped) show(stops.end());
  const isCalled = reason === 'stop' && callCount > 0;
  return { reason: isCalled ? 'tool-calls' : stopped ? 'stop' : reason, logprobs };
}

/** The token that was taken, and beside it the likeliest ones. */
function readLogprobs([taken, ...top]: NonNullable<PieceFacts['logprobs']>): RankedTokenLogprob {
  return { ...readLogprob(taken), top: top.map(readLogprob) };
}

function readLogprob({ bytes, logprob }: WorkerLogprob): TokenLogprob {
  const buffer = Buffer.from(bytes, 'base64');
  return { text: buffer.toString('utf8'), bytes: [...buffer], logprob };
}

/** Answering on top of tokens that do not belong to the prompt would answer another question. */
function keptTooMuch(kept: number, asked: number): GemmaError {
  return new GemmaError({
    code: 'ENGINE_PROTOCOL',
    message: `Expected the model process to keep at most ${asked} tokens of its sequence, and it kept ${kept}.`,
    facts: { kept, asked },
  });
}

function end(reason: FinishReason, usage: Usage, clock: RequestClock): GenerationEnd {
  return { type: 'generation-end', reason, usage: { ...usage }, timings: clock.timings() };
}
