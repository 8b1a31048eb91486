import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { AppEvent } from '@gemma-cli/app';
import { createChatRenderer } from '../src/chat/chat-renderer.ts';
import { createFigures } from '../src/chat/figures.ts';
import { createTerminalStyle } from '../src/chat/terminal-style.ts';
import { createTerminalScreen } from './terminal-screen.ts';

const engine = { requested: 'optimized', active: 'optimized', runtime: 'llama.cpp' } as const;
const start: AppEvent = { type: 'answer-start', model: { name: 'tiny', path: '/x' }, mode: 'chat', engine };
const words: AppEvent = { type: 'text-delta', text: 'words' };
const timings = { queueMs: 0, loadMs: 0, promptMs: 1, ttftMs: 2, tpotMs: 25, totalMs: 100 };
const usage = { promptTokens: 100, cachedTokens: 80, evaluatedTokens: 20, outputTokens: 28 };
const end: AppEvent = { type: 'generation-end', reason: 'stop', usage, timings };

function changed(from: number, to: number): AppEvent {
  return { type: 'threads-changed', from, to, reason: 'a token took 30 ms, 12 at best' };
}

/** What stands on stderr after an answer with these events, of which `threads` is what the engine says of itself. */
function commentary(
  events: readonly AppEvent[],
  { threads, verbose = false, stats = false }: { threads?: number; verbose?: boolean; stats?: boolean } = {},
): readonly string[] {
  const stderr = new PassThrough();
  const figures = createFigures();
  const renderer = createChatRenderer({
    stdout: createTerminalScreen({ columns: 80, rows: 24 }).output,
    stderr,
    style: createTerminalStyle('none'),
    cwd: '/work',
    dumb: false,
    stream: true,
    quiet: false,
    stats,
    verbose,
    contextTokens: () => 512,
    threads: () => figures.threads,
    loading: undefined,
  });
  for (const event of [start, words, ...events, end]) {
    figures.take(event);
    if (event === words) figures.takeThreads(threads);
    renderer.event(event);
  }
  return String(stderr.read()).trimEnd().split('\n');
}

test.each([
  ['nobody knows them', undefined, [], '40.0 tokens/s'],
  ['one', 1, [], '40.0 tokens/s · 1 thread'],
  ['several', 4, [], '40.0 tokens/s · 4 threads'],
  ['a step down that the engine took before it was told', 1, [changed(2, 1)], '40.0 tokens/s · 2→1 threads'],
  ['a step down', 2, [changed(2, 1)], '40.0 tokens/s · 2→1 threads'],
  ['down and up again', undefined, [changed(4, 2), changed(2, 4)], '40.0 tokens/s · 4→2→4 threads'],
  [
    'a restless machine',
    4,
    [changed(4, 2), changed(2, 4), changed(4, 3), changed(3, 1)],
    '40.0 tokens/s · 4→…→1 threads (4 changes)',
  ],
] as const)('the line after an answer tells its threads: %s', (_, threads, events, expected) => {
  const lines = commentary(events, threads === undefined ? {} : { threads });
  expect(lines).toEqual([`tiny · context 128 of 512 (25 %) · 80 % cached · ${expected}`]);
});

test('--verbose says also why they changed, --stats names them beside the engine', () => {
  expect(commentary([changed(2, 1)], { verbose: true })[0]).toBe('threads 2 → 1: a token took 30 ms, 12 at best');
  expect(commentary([changed(2, 1)], { stats: true })).toContain(
    'model     tiny · optimized engine (llama.cpp) · 2→1 threads',
  );
});

test('an answer does not tell the threads of the one before', () => {
  const figures = createFigures();
  for (const event of [start, words, changed(2, 1), end]) figures.take(event);
  expect(figures.threads).toEqual([2, 1]);
  figures.take(start);
  expect(figures.threads).toEqual([]);
  expect(figures.last?.threads).toEqual([2, 1]);
});
