import type { AnswerStart, AppEvent, Citation } from '@gemma-cli/app';
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
  /** Where the sentences of the last answer come from; empty when no passage stood before its question. */
  readonly citations: readonly Citation[];
  /** Lines about the last answer and the whole conversation. */
  render(messages: number): readonly string[];
}

/** Makes the sums of a conversation. */
export function createFigures(): Figures {
  let start: AnswerStart | undefined;
  let last: Figures['last'];
  /** On how many threads the engine said that it computes, and what the events told of changes. */
  let asked: number | undefined;
  let changed: readonly number[] = [];
  let citations: readonly Citation[] = [];
  let answers = 0;
  let promptTokens = 0;
  let cachedTokens = 0;
  let outputTokens = 0;
  let totalMs = 0;

  /** The engine is ahead of its events: what it said may be how it was after a change. */
  function threads(): readonly number[] {
    return changed.length > 0 || asked === undefined ? changed : [asked];
  }

  return {
    get start() {
      return start;
    },
    get last() {
      return last;
    },
    get threads() {
      return threads();
    },
    takeThreads(now) {
      asked = now;
    },
    get citations() {
      return citations;
    },
    take(event) {
      if (event.type === 'answer-start') {
        start = event;
        citations = [];
        asked = undefined;
        changed = [];
      }
      if (event.type === 'citations') citations = event.citations;
      if (event.type === 'threads-changed') {
        changed = [...(changed.length === 0 ? [event.from] : changed), event.to];
      }
      if (event.type !== 'generation-end' || start === undefined) return;
      last = { start, end: event, threads: threads() };
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
