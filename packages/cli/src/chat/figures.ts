import type { AnswerStart, AppEvent } from '@gemma-cli/app';
import type { GenerationEnd } from '@gemma-cli/contracts';

/** What is known of the answers of a chat. */
export interface Figures {
  take(event: AppEvent): void;
  /** The beginning of the last answer, whatever became of it. */
  readonly start: AnswerStart | undefined;
  /** The last answer that came to its end. */
  readonly last: { readonly start: AnswerStart; readonly end: GenerationEnd } | undefined;
  /** Lines about the last answer and the whole conversation. */
  render(messages: number): readonly string[];
}

/** Makes the sums of a conversation. */
export function createFigures(): Figures {
  let start: AnswerStart | undefined;
  let last: Figures['last'];
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
    take(event) {
      if (event.type === 'answer-start') start = event;
      if (event.type !== 'generation-end' || start === undefined) return;
      last = { start, end: event };
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

/** The line after an answer: model, context, cached share, speed. A number that is not known is left out. */
export function renderStatus(
  { model }: AnswerStart,
  { reason, usage, timings }: GenerationEnd,
  contextTokens: number | null,
): string {
  const { promptTokens, cachedTokens, outputTokens } = usage;
  const used = promptTokens === null ? null : promptTokens + (outputTokens ?? 0);
  const { tpotMs } = timings;
  const parts = [
    model.name,
    ...(used === null
      ? []
      : [
          contextTokens === null
            ? `context ${used}`
            : `context ${used} of ${contextTokens} (${percent(used / contextTokens)})`,
        ]),
    ...(promptTokens === null || promptTokens === 0 || cachedTokens === null
      ? []
      : [`${percent(cachedTokens / promptTokens)} cached`]),
    ...(tpotMs === null || tpotMs === 0 ? [] : [`${(1000 / tpotMs).toFixed(1)} tokens/s`]),
    ...(reason === 'aborted' ? ['stopped'] : reason === 'length' ? ['cut at the token limit'] : []),
  ];
  return parts.join(' · ');
}

/** Everything that is known of one answer. */
export function renderAnswerFigures({ start, end }: NonNullable<Figures['last']>): string[] {
  const { promptTokens, cachedTokens, evaluatedTokens, outputTokens } = end.usage;
  const { queueMs, loadMs, promptMs, ttftMs, tpotMs, totalMs } = end.timings;
  const engine = `${start.model.name} · ${start.engine.active} engine (${start.engine.runtime})`;
  const prompt = [
    `${count(promptTokens)} tokens`,
    `${count(cachedTokens)} cached`,
    `${count(evaluatedTokens)} evaluated`,
    ...(promptMs === null ? [] : [`in ${seconds(promptMs)}`]),
  ];
  const answer = [
    `${count(outputTokens)} tokens`,
    ...(tpotMs === null || tpotMs === 0 ? [] : [`${(1000 / tpotMs).toFixed(1)} tokens/s`]),
    `ended: ${end.reason}`,
  ];
  const times = [
    `queue ${seconds(queueMs)}`,
    `load ${seconds(loadMs)}`,
    ...(ttftMs === null ? [] : [`first token ${seconds(ttftMs)}`]),
    `total ${seconds(totalMs)}`,
  ];
  return [
    `model     ${engine}`,
    `prompt    ${prompt.join(' · ')}`,
    `answer    ${answer.join(' · ')}`,
    `times     ${times.join(' · ')}`,
  ];
}

function count(value: number | null): string {
  return value === null ? '?' : String(value);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
