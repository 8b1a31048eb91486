import type { AnswerStart, AppEvent } from '@gemma-cli/app';
import { percent, renderAnswerFigures, seconds, type AnswerFigures } from '../render/render-figures.ts';

/** What is known of the answers of a chat. */
export interface Figures {
  take(event: AppEvent): void;
  /** Takes on how many threads the answer is computed; what its events tell of them wins. */
  takeThreads(threads: number | undefined): void;
  /** The beginning of the last answer, whatever became of it. */
  readonly start: AnswerStart | undefined;
  /** The last answer that came to its end. */
  readonly last: AnswerFigures | undefined;
  /** The threads that the last answer is or was computed on, one after the other; empty when nobody told. */
  readonly threads: readonly number[];
  /** Lines about the last answer and the whole conversation. */
  render(messages: number): readonly string[];
}

/** Makes the sums of a conversation. */
export function createFigures(): Figures {
  let start: AnswerStart | undefined;
  let last: Figures['last'];
  let threads: readonly number[] = [];
  let answers = 0;
  let promptTokens = 0;
  let cachedTokens = 0;
  let outputTokens = 0;
  let totalMs = 0;

  return {
    get start() {
      return start;
    },
    get last() {
      return last;
    },
    get threads() {
      return threads;
    },
    takeThreads(now) {
      if (threads.length === 0 && now !== undefined) threads = [now];
    },
    take(event) {
      if (event.type === 'answer-start') {
        start = event;
        threads = [];
      }
      if (event.type === 'threads-changed') {
        threads = [...(threads.length === 0 ? [event.from] : threads), event.to];
      }
      if (event.type !== 'generation-end' || start === undefined) return;
      last = { start, end: event, threads };
      answers += 1;
      promptTokens += event.usage.promptTokens ?? 0;
      cachedTokens += event.usage.cachedTokens ?? 0;
      outputTokens += event.usage.outputTokens ?? 0;
      totalMs += event.timings.totalMs;
    },
    render(messages) {
      const share = promptTokens === 0 ? '' : ` (${percent(cachedTokens / promptTokens)})`;
      const session = [
        `${messages} messages`,
        `${answers} answers`,
        `prompts ${promptTokens} tokens, ${cachedTokens} cached${share}`,
        `answers ${outputTokens} tokens`,
        seconds(totalMs),
      ];
      return [...(last === undefined ? [] : renderAnswerFigures(last)), `session   ${session.join(' · ')}`];
    },
  };
}
