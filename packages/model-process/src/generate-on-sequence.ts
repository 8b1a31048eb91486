import { GemmaError, isGemmaError, requestDefaults } from '@gemma-cli/contracts';
import type { EngineEvent, FinishReason, GenerationEnd, Usage } from '@gemma-cli/contracts';
import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import { fitPrompt } from './fit-prompt.ts';
import type { ModelProcess } from './model-process.ts';
import type { RequestClock } from './request-clock.ts';
import { checkCapabilities } from './resolve-request.ts';
import type { ResolvedRequest } from './resolve-request.ts';
import { createStopMatcher } from './stop-matcher.ts';
import { evaluationChunkTokens } from './token-ledger.ts';
import type { TokenLedger } from './token-ledger.ts';

/** What one answer needs from its engine. */
export interface GenerationParts {
  readonly process: ModelProcess;
  readonly model: LoadedModel;
  readonly request: ResolvedRequest;
  /** Sequence of the model process. */
  readonly sequence: number;
  /** What the sequence holds; kept true on every way out. */
  readonly ledger: TokenLedger;
  /**
   * How many leading tokens of the prompt to take from what the sequence holds. Less than the prompt, because at least
   * one token must be evaluated to sample from.
   */
  readonly reusableTokens: (promptTokens: readonly number[]) => number;
  readonly clock: RequestClock;
  readonly emit: (event: EngineEvent) => void;
  readonly signal: AbortSignal;
  /** Default 10 MiB. */
  readonly responseBytesMax?: number | undefined;
}

/**
 * Answers one request on one sequence: fits the prompt, takes over what is cached, evaluates the rest chunk by chunk,
 * decodes until the end. Both engines answer this way; they differ in which process and how much of its cache they use.
 *
 * @throws GemmaError what the model process or a limit says. An abort is an end, not an error.
 */
export async function generateOnSequence(parts: GenerationParts): Promise<GenerationEnd> {
  const { process, model, request, sequence, ledger, clock, emit, signal } = parts;
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
    const kept = await keepPrefix(parts, Math.min(parts.reusableTokens(prompt), prompt.length - 1));
    ledger.truncate(kept);
    progress.cachedTokens = kept;
    progress.evaluatedTokens = 0;

    const chunks = evaluationChunks(kept, prompt.length);
    for (const [start, end] of chunks.slice(0, -1)) {
      const chunk = prompt.slice(start, end);
      await process.call('evaluate', { sequence, tokens: chunk }, { signal });
      ledger.append(chunk);
      progress.evaluatedTokens += chunk.length;
    }
    const reason = await decode(parts, prompt.slice(chunks.at(-1)?.[0]), prompt.length, progress);
    return end(reason, progress, clock);
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
 * Cuts the sequence to its first `tokens` tokens and tells how many are left. A model may keep fewer than asked; when the
 * text must be reproducible, the cut then goes on to the boundary of a chunk.
 */
async function keepPrefix(parts: GenerationParts, tokens: number): Promise<number> {
  const { process, sequence, request, signal } = parts;
  const { kept } = await process.call('truncate', { sequence, tokens }, { signal });
  if (kept > tokens) throw keptTooMuch(kept, tokens);
  const beyondChunk = kept % evaluationChunkTokens;
  if (!request.reproducible || beyondChunk === 0) return kept;
  return keepPrefix(parts, kept - beyondChunk);
}

type Progress = { -readonly [Count in keyof Usage]: Usage[Count] };

/** Chunks of the prompt from `start` on, cut at multiples of the chunk size: one fixed schedule for everybody. */
function evaluationChunks(start: number, length: number): (readonly [number, number])[] {
  const chunks: (readonly [number, number])[] = [];
  for (let at = start; at < length;) {
    const next = Math.min(length, (Math.floor(at / evaluationChunkTokens) + 1) * evaluationChunkTokens);
    chunks.push([at, next]);
    at = next;
  }
  return chunks;
}

/** Evaluates the last chunk and samples until the model, a stop string, a limit or the caller says stop. */
async function decode(
  {
    process,
    model,
    request,
    sequence,
    ledger,
    clock,
    emit,
    signal,
    responseBytesMax = requestDefaults.responseBytesMax,
  }: GenerationParts,
  lastChunk: readonly number[],
  promptTokens: number,
  progress: Progress,
): Promise<FinishReason> {
  const stops = createStopMatcher(request.stop);
  const enough = new AbortController();
  const sampled: number[] = [];
  let stopped = false;
  let isTooLarge = false;
  let bytes = 0;

  function show(text: string): void {
    if (text === '') return;
    bytes += Buffer.byteLength(text);
    if (bytes > responseBytesMax) {
      isTooLarge = true;
      enough.abort();
      return;
    }
    emit({ type: 'text-delta', text });
  }

  progress.outputTokens = 0;
  const maxTokens = Math.min(request.maxTokens, model.contextTokens - promptTokens);
  const { reason, length } = await process.call(
    'generate',
    { sequence, tokens: lastChunk, maxTokens, sampling: request.sampling },
    {
      signal: AbortSignal.any([signal, enough.signal]),
      onPiece: (token, text) => {
        if (token >= 0) {
          sampled.push(token);
          if (sampled.length === 1) progress.evaluatedTokens = promptTokens - (progress.cachedTokens ?? 0);
        }
        // What the model says between the end and our abort is not part of the answer.
        if (stopped || isTooLarge || signal.aborted) return;
        if (token >= 0) {
          clock.token();
          progress.outputTokens = sampled.length;
        }
        const shown = stops.write(text);
        show(shown.text);
        if (shown.stopped) {
          stopped = true;
          enough.abort();
        }
      },
    },
  );
  ledger.append(lastChunk);
  for (const token of sampled) ledger.append([token]);
  ledger.truncate(length);
  if (length > promptTokens || reason !== 'aborted')
    progress.evaluatedTokens = promptTokens - (progress.cachedTokens ?? 0);

  if (!stopped && !isTooLarge) show(stops.end());
  if (isTooLarge) throw tooLarge(responseBytesMax);
  return stopped ? 'stop' : reason;
}

/** Answering on top of tokens that do not belong to the prompt would answer another question. */
function keptTooMuch(kept: number, asked: number): GemmaError {
  return new GemmaError({
    code: 'ENGINE_PROTOCOL',
    message: `Expected the model process to keep at most ${asked} tokens of its sequence, and it kept ${kept}.`,
    facts: { kept, asked },
  });
}

function tooLarge(responseBytesMax: number): GemmaError {
  return new GemmaError({
    code: 'RESPONSE_TOO_LARGE',
    message: `Expected an answer of at most ${responseBytesMax} bytes; it was stopped there. Ask for less, or raise engine.response_bytes_max.`,
    facts: { responseBytesMax },
  });
}

function end(reason: FinishReason, usage: Usage, clock: RequestClock): GenerationEnd {
  return { type: 'generation-end', reason, usage: { ...usage }, timings: clock.timings() };
}
