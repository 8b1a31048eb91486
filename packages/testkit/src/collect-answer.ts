import { expect } from 'vitest';
import { isGemmaError } from '@gemma-cli/contracts';
import type { EngineEvent, GemmaError, GenerationEnd, TextDelta } from '@gemma-cli/contracts';

/** Everything that one `generate` gave. */
export interface CollectedAnswer {
  readonly events: readonly EngineEvent[];
  /** The deltas joined. */
  readonly text: string;
  /** The end, or `null` when an error came in its place. */
  readonly end: GenerationEnd | null;
  readonly error: GemmaError | null;
}

/**
 * Reads an answer to its end and checks what every answer promises: the order of events, one end or one typed error,
 * whole characters, sums of usage, sense of timings.
 *
 * @param onEvent - called with each event and the text so far, before the next one is asked for.
 */
export async function collectAnswer(
  answer: AsyncIterable<EngineEvent>,
  onEvent?: (event: EngineEvent, text: string) => unknown,
): Promise<CollectedAnswer> {
  const events: EngineEvent[] = [];
  let text = '';
  let error: GemmaError | null = null;
  try {
    for await (const event of answer) {
      events.push(event);
      if (event.type === 'text-delta') text += event.text;
      await onEvent?.(event, text);
    }
  } catch (thrown) {
    if (!isGemmaError(thrown)) throw thrown;
    error = thrown;
  }
  const last = events.at(-1);
  const end = last?.type === 'generation-end' ? last : null;
  checkEvents(events, error);
  return { events, text, end, error };
}

/** What holds for the events of every answer, whole, aborted or failed. */
function checkEvents(events: readonly EngineEvent[], error: GemmaError | null): void {
  const types = events.map(({ type }) => type);
  // Threads may change at any place before the end.
  if (error === null) expect(types.at(-1)).toBe('generation-end');
  const shape = types
    .filter((type) => type !== 'threads-changed')
    .map((type) => (['text-delta', 'tool-call', 'tool-call-cut'].includes(type) ? 'said' : type))
    .join(' ')
    .replaceAll(/said(?: said)*/gu, 'said');
  const order = /^(?:load-start(?: load-end)? ?)?(?:prompt-trimmed ?)?(?:said ?)?(?:generation-end)?$/u;
  expect(shape, 'order of events').toMatch(order);
  expect(types.filter((type) => type === 'generation-end').length, 'one end or one error').toBe(error === null ? 1 : 0);
  if (shape.includes('said') && types.includes('load-start'))
    expect(types, 'a load that ended before the text').toContain('load-end');
  for (const event of events) {
    if (event.type === 'text-delta') checkDelta(event);
    if (event.type === 'load-end') expectDuration(event.loadMs, 'loadMs');
    if (event.type === 'threads-changed') {
      expect(event.from, 'a change of threads changes them').not.toBe(event.to);
      expect(event.to, 'threads that compute').toBeGreaterThanOrEqual(1);
      expect(event.reason, 'a reason in words').not.toBe('');
    }
    if (event.type === 'generation-end') checkEnd(event, types.includes('text-delta'), types.includes('load-end'));
  }
  checkToolCalls(events);
}

function checkDelta({ text, logprobs = [] }: TextDelta): void {
  expect(text, 'a delta is never empty').not.toBe('');
  expect(isWellFormed(text), `a delta holds whole characters: ${JSON.stringify(text)}`).toBe(true);
  for (const { logprob, top } of logprobs) {
    const all = [logprob, ...top.map((other) => other.logprob)];
    expect(Math.max(...all), 'a log-probability').toBeLessThanOrEqual(0);
    const ranked = top.map((other) => other.logprob);
    expect(
      ranked.toSorted((one, other) => other - one),
      'likeliest first',
    ).toEqual(ranked);
  }
}

function checkToolCalls(events: readonly EngineEvent[]): void {
  const calls = events.filter((event) => event.type === 'tool-call');
  const end = events.find((event) => event.type === 'generation-end');
  expect(
    calls.map(({ index }) => index),
    'calls are counted from 0',
  ).toEqual([...calls.keys()]);
  expect(new Set(calls.map(({ id }) => id)).size, 'ids of calls differ').toBe(calls.length);
  for (const call of calls) {
    expect(call.id).toMatch(/^call_/u);
    expect(JSON.parse(call.arguments), 'arguments are a JSON object').toBeTypeOf('object');
  }
  if (end !== undefined && end.reason !== 'aborted')
    expect(end.reason === 'tool-calls', 'an answer with calls ends with them').toBe(calls.length > 0);
}

function checkEnd({ reason, usage, timings }: GenerationEnd, hasText: boolean, cold: boolean): void {
  const { promptTokens, cachedTokens, evaluatedTokens, outputTokens } = usage;
  for (const [name, count] of Object.entries(usage) as [string, number | boolean | null][])
    if (typeof count === 'number')
      expect(Number.isInteger(count) && count >= 0, `usage.${name} is a count: ${count}`).toBe(true);
  if (promptTokens !== null && cachedTokens !== null && evaluatedTokens !== null) {
    if (reason === 'aborted') expect(cachedTokens + evaluatedTokens).toBeLessThanOrEqual(promptTokens);
    else expect(cachedTokens + evaluatedTokens, 'cached + evaluated = prompt').toBe(promptTokens);
  }
  expect(usage.restoredTokens ?? 0, 'restored tokens are cached ones').toBeLessThanOrEqual(cachedTokens ?? Infinity);
  expect(usage.acceptedTokens ?? 0, 'accepted <= drafted').toBeLessThanOrEqual(usage.draftedTokens ?? 0);
  if (hasText && outputTokens !== null) expect(outputTokens, 'tokens of an answer with text').toBeGreaterThan(0);

  for (const name of ['queueMs', 'loadMs', 'totalMs'] as const) expectDuration(timings[name], name);
  for (const name of ['promptMs', 'ttftMs', 'tpotMs'] as const)
    if (timings[name] !== null) expectDuration(timings[name], name);
  expect(timings.queueMs, 'queueMs <= totalMs').toBeLessThanOrEqual(timings.totalMs);
  if (timings.ttftMs !== null) expect(timings.ttftMs, 'ttftMs <= totalMs').toBeLessThanOrEqual(timings.totalMs);
  if (hasText) {
    expect(timings.ttftMs, 'ttftMs of an answer with text').not.toBeNull();
    expect(timings.promptMs, 'promptMs of an answer with text').not.toBeNull();
  }
  if (outputTokens !== null && outputTokens < 2) expect(timings.tpotMs, 'tpotMs below two tokens').toBeNull();
  if (!cold && reason !== 'aborted') expect(timings.loadMs, 'loadMs of a warm model').toBe(0);
}

function expectDuration(value: number, name: string): void {
  expect(Number.isFinite(value) && value >= 0, `${name} is a duration: ${value}`).toBe(true);
}

/** `String.prototype.isWellFormed`, which the type library of this workspace does not know yet. */
function isWellFormed(text: string): boolean {
  return Buffer.from(text, 'utf8').toString('utf8') === text;
}
