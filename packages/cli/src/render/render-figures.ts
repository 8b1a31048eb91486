import type { AnswerStart } from '@gemma-cli/app';
import type { GenerationEnd } from '@gemma-cli/contracts';
import { sanitizeTerminalText } from './sanitize-terminal-text.ts';

/** What is known of an answer that came to its end. */
export interface AnswerFigures {
  readonly start: AnswerStart;
  readonly end: GenerationEnd;
  /** The threads that it was computed on, one after the other; empty when nobody knows. */
  readonly threads: readonly number[];
}

/** One line of figures after an answer; a number that is not known is left out. */
export function renderFigures(
  which: 'usage' | 'stats',
  { model, engine }: AnswerStart,
  { usage, timings, reason }: GenerationEnd,
): string {
  const { promptTokens, cachedTokens, evaluatedTokens, outputTokens, draftedTokens, acceptedTokens } = usage;
  const { ttftMs, tpotMs, loadMs, totalMs } = timings;
  const about = usage.estimated === true ? 'about ' : '';
  const shares = [
    ...(cachedTokens === null ? [] : [`${cachedTokens} cached`]),
    ...(evaluatedTokens === null ? [] : [`${evaluatedTokens} evaluated`]),
  ];
  const parts = [
    ...(which === 'usage' ? [] : [sanitizeTerminalText(model.name), `${engine.active} engine (${engine.runtime})`]),
    ...(promptTokens === null ? [] : [[`prompt ${about}${promptTokens} tokens`, ...shares].join(', ')]),
    ...(outputTokens === null ? [] : [`answer ${about}${outputTokens} tokens`]),
    ...(draftedTokens === undefined ? [] : [`guessed ${draftedTokens}, ${acceptedTokens ?? 0} right`]),
    ...(loadMs === 0 ? [] : [`load ${seconds(loadMs)}`]),
    ...(ttftMs === null ? [] : [`first token ${seconds(ttftMs)}`]),
    ...speed(tpotMs),
    `total ${seconds(totalMs)}`,
    ...(reason === 'stop' || reason === 'tool-calls'
      ? []
      : [reason === 'length' ? 'cut at the token limit' : 'stopped']),
  ];
  return parts.join(' · ');
}

/**
 * The line after an answer of a chat: model, context, cached share, speed, and the `threads` that it was computed on, one
 * after the other. A number that is not known is left out.
 */
export function renderStatus(
  { model }: AnswerStart,
  { reason, usage, timings }: GenerationEnd,
  contextTokens: number | null,
  threads: readonly number[] = [],
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
    ...speed(tpotMs),
    ...renderThreads(threads),
    ...(reason === 'aborted' ? ['stopped'] : reason === 'length' ? ['cut at the token limit'] : []),
  ];
  return parts.join(' · ');
}

/** Everything that is known of one answer of a chat, a line for each part. */
export function renderAnswerFigures({ start, end, threads }: AnswerFigures): string[] {
  const { promptTokens, cachedTokens, evaluatedTokens, outputTokens } = end.usage;
  const { queueMs, loadMs, promptMs, ttftMs, tpotMs, totalMs } = end.timings;
  const engine = [
    start.model.name,
    `${start.engine.active} engine (${start.engine.runtime})`,
    ...renderThreads(threads),
  ];
  const prompt = [
    `${count(promptTokens)} tokens`,
    `${count(cachedTokens)} cached`,
    `${count(evaluatedTokens)} evaluated`,
    ...(promptMs === null ? [] : [`in ${seconds(promptMs)}`]),
  ];
  const answer = [`${count(outputTokens)} tokens`, ...speed(tpotMs), `ended: ${end.reason}`];
  const times = [
    `queue ${seconds(queueMs)}`,
    `load ${seconds(loadMs)}`,
    ...(ttftMs === null ? [] : [`first token ${seconds(ttftMs)}`]),
    `total ${seconds(totalMs)}`,
  ];
  return [
    `model     ${engine.join(' · ')}`,
    `prompt    ${prompt.join(' · ')}`,
    `answer    ${answer.join(' · ')}`,
    `times     ${times.join(' · ')}`,
  ];
}

/** `2 threads`, `4→2 threads`; of many changes the first and the last, and how many they were. */
function renderThreads(threads: readonly number[]): readonly string[] {
  const [first] = threads;
  const last = threads.at(-1);
  if (first === undefined || last === undefined) return [];
  const changes = threads.length - 1;
  if (changes > 3) return [`${first}→…→${last} threads (${changes} changes)`];
  return [`${threads.join('→')} ${last === 1 && changes === 0 ? 'thread' : 'threads'}`];
}

function speed(tpotMs: number | null): readonly string[] {
  return tpotMs === null || tpotMs === 0 ? [] : [`${(1000 / tpotMs).toFixed(1)} tokens/s`];
}

function count(value: number | null): string {
  return value === null ? '?' : String(value);
}

/** A share of 1 as `80 %`. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** A time as `12 ms` or `1.5 s`. */
export function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
