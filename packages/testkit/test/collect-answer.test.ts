import { describe, expect, it } from 'vitest';
import type { EngineEvent, GenerationEnd, Timings, Usage } from '@gemma-cli/contracts';
import { collectAnswer } from '../src/index.ts';

const usage: Usage = { promptTokens: 5, cachedTokens: 2, evaluatedTokens: 3, outputTokens: 2 };
const timings: Timings = { queueMs: 0, loadMs: 3, promptMs: 1, ttftMs: 5, tpotMs: 1, totalMs: 9 };
const end: GenerationEnd = { type: 'generation-end', reason: 'stop', usage, timings };
const load = [
  { type: 'load-start', model: 'm' },
  { type: 'load-end', model: 'm', loadMs: 3 },
] as const;
const threads: EngineEvent = { type: 'threads-changed', from: 2, to: 1, reason: 'slow' };
const toolCall: EngineEvent = { type: 'tool-call', index: 0, id: 'call_1', name: 'look', arguments: '{}' };
const toolEnd: GenerationEnd = { ...end, reason: 'tool-calls' };
const delta = (text: string): EngineEvent => ({ type: 'text-delta', text });
const trimmed: EngineEvent = {
  type: 'prompt-trimmed',
  promptTokensBefore: 9,
  promptTokensAfter: 5,
  messagesDropped: 1,
};

async function* stream(events: readonly EngineEvent[]): AsyncIterable<EngineEvent> {
  yield* events;
}

describe('a collected answer', () => {
  it('passes a sound stream through', async () => {
    const { text, end: last, error } = await collectAnswer(stream([...load, trimmed, delta('a'), delta('😀'), end]));
    expect(text).toBe('a😀');
    expect(last).toEqual(end);
    expect(error).toBeNull();
  });

  it('passes changes of threads, calls of tools and log-probabilities through', async () => {
    const logprobs = [{ text: 'a', bytes: [97], logprob: -0.1, top: [{ text: 'a', bytes: [97], logprob: -0.1 }] }];
    const told = { ...end, usage: { ...usage, restoredTokens: 2, draftedTokens: 3, acceptedTokens: 1 } };
    const said: EngineEvent = { type: 'text-delta', text: 'a', logprobs };
    expect((await collectAnswer(stream([threads, ...load, said, threads, told]))).text).toBe('a');
    expect((await collectAnswer(stream([...load, toolCall, toolEnd]))).end?.reason).toBe('tool-calls');
  });

  const unsound: Record<string, readonly EngineEvent[]> = {
    'a change of threads after the end': [...load, delta('a'), end, threads],
    'a change of threads that changes nothing': [...load, { ...threads, to: 2 }, delta('a'), end],
    'a call without its reason': [...load, toolCall, end],
    'the reason without a call': [...load, delta('a'), toolEnd],
    'calls that are counted wrong': [...load, { ...toolCall, index: 1 }, toolEnd],
    'more restored than cached': [...load, delta('a'), { ...end, usage: { ...usage, restoredTokens: 3 } }],
    'more accepted than drafted': [
      ...load,
      delta('a'),
      { ...end, usage: { ...usage, draftedTokens: 1, acceptedTokens: 2 } },
    ],
    'no end': [...load, delta('a')],
    'two ends': [...load, delta('a'), end, end],
    'a delta after the end': [...load, delta('a'), end, delta('b')],
    'text before the load ended': [load[0], delta('a'), end],
    'a load-end without its start': [load[1], delta('a'), end],
    'a second load': [...load, ...load, delta('a'), end],
    'a notice of trimming after the text': [...load, delta('a'), trimmed, end],
    'an empty delta': [...load, delta(''), end],
    'half a surrogate pair': [...load, delta('\uD83D'), delta('\uDE00'), end],
    'a sum that is wrong': [...load, delta('a'), { ...end, usage: { ...usage, cachedTokens: 3 } }],
    'a negative count': [...load, delta('a'), { ...end, usage: { ...usage, cachedTokens: -1, evaluatedTokens: 6 } }],
    'text without a token': [...load, delta('a'), { ...end, usage: { ...usage, outputTokens: 0 } }],
    'a time to the first token beyond the total': [
      ...load,
      delta('a'),
      { ...end, timings: { ...timings, ttftMs: 10 } },
    ],
    'no time to the first token': [...load, delta('a'), { ...end, timings: { ...timings, ttftMs: null } }],
    'a negative time': [...load, delta('a'), { ...end, timings: { ...timings, queueMs: -1 } }],
    'a gap between fewer than two tokens': [...load, delta('a'), { ...end, usage: { ...usage, outputTokens: 1 } }],
    'load time of a warm model': [delta('a'), end],
  };
  for (const [title, events] of Object.entries(unsound))
    it(`refuses ${title}`, async () => {
      await expect(collectAnswer(stream(events))).rejects.toMatchObject({ name: 'AssertionError' });
    });
});
