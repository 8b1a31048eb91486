import type { FinishReason, GenerationEnd, PromptTrimmed, Usage } from '@gemma-cli/contracts';
import type { Turn } from '../model-host.ts';
import type { ResolvedRequest } from '../resolve-request.ts';
import { createStopMatcher } from '../stop-matcher.ts';

/** Takes the text of one answer, shows what may be shown, and tells when it is enough. */
export interface AnswerWriter {
  /** Everything the model wrote so far, shown or not. */
  readonly written: string;
  /** Writes so far: about as many tokens, rather too few than too many. */
  readonly tokens: number;
  /** Mean time between the writes of this answer. `null` below two. */
  readonly msPerToken: number | null;
  /** Resolves when the answer is to be cut: a stop string came, or it grew too large. */
  readonly enough: Promise<'stop' | 'too-large'>;
  /** Notes the tokens of the prompt, of which `cached` are not evaluated again. */
  prompt(promptTokens: number, cachedTokens: number): void;
  /** Notes that the prompt was trimmed; told before the first text. */
  trimmed(event: PromptTrimmed): void;
  write(text: string, tokens: number): void;
  /** Shows nothing more. */
  mute(): void;
  /** Shows what was held back for a stop string that never came. */
  flush(): void;
  end(reason: FinishReason): GenerationEnd;
}

/** Makes the writer of one answer. */
export function createAnswerWriter(
  request: ResolvedRequest,
  { clock, emit }: Pick<Turn, 'clock' | 'emit'>,
  responseBytesMax: number,
  now: () => number = () => performance.now(),
): AnswerWriter {
  const stops = createStopMatcher(request.stop);
  let written = '';
  let tokens = 0;
  let bytes = 0;
  let isMuted = false;
  let first = 0;
  let last = 0;
  let promptTokens: number | null = null;
  let cachedTokens: number | null = null;
  let trim: PromptTrimmed | undefined;
  let resolveEnough: (why: 'stop' | 'too-large') => void = () => {};
  const enough = new Promise<'stop' | 'too-large'>((resolve) => {
    resolveEnough = resolve;
  });

  function tellTrim(): void {
    if (trim === undefined) return;
    emit(trim);
    trim = undefined;
  }

  function show(text: string): void {
    if (text === '') return;
    bytes += Buffer.byteLength(text);
    if (bytes > responseBytesMax) {
      isMuted = true;
      resolveEnough('too-large');
      return;
    }
    tellTrim();
    emit({ type: 'text-delta', text });
  }

  return {
    get written() {
      return written;
    },
    get tokens() {
      return tokens;
    },
    get msPerToken() {
      return tokens < 2 ? null : (last - first) / (tokens - 1);
    },
    enough,
    prompt(total, cached) {
      promptTokens = total;
      cachedTokens = cached;
    },
    trimmed(event) {
      trim = event;
    },
    write(text, writes) {
      if (isMuted) return;
      written += text;
      last = now();
      if (tokens === 0) first = last;
      tokens += writes;
      for (let count = 0; count < writes; count += 1) clock.token();
      const shown = stops.write(text);
      show(shown.text);
      if (shown.stopped) {
        isMuted = true;
        resolveEnough('stop');
      }
    },
    mute() {
      isMuted = true;
    },
    flush() {
      if (!isMuted) show(stops.end());
    },
    end(reason) {
      if (reason !== 'aborted') tellTrim();
      // An aborted evaluation may have got anywhere; only an answer shows that the whole prompt was evaluated.
      const isEvaluated = reason !== 'aborted' || tokens > 0;
      const usage: Usage = {
        promptTokens,
        cachedTokens,
        evaluatedTokens:
          promptTokens === null || cachedTokens === null || !isEvaluated ? null : promptTokens - cachedTokens,
        outputTokens: promptTokens === null ? null : tokens,
        estimated: true,
      };
      return { type: 'generation-end', reason, usage, timings: clock.timings() };
    },
  };
}
