import { describe, expect, it } from 'vitest';
import { createBatchScheduler } from '../src/llama/batch-scheduler.ts';
import type { BatchJob, BatchScheduler, BatchTarget } from '../src/llama/batch-scheduler.ts';

/** A native context that keeps a record of its batches instead of computing them. */
interface Recorder extends BatchTarget {
  /** One entry per batch: `sequence×tokens`, in the order in which they were added. */
  readonly batches: string[];
  readonly threads: number[];
  readonly discarded: string[];
  /** Set to make the next batch fail. */
  failure: Error | undefined;
  /** Called while a batch computes. */
  during: () => void;
}

function recorder(): Recorder {
  let parts: string[] = [];
  let size = 0;
  let left = 0;
  const target: Recorder = {
    batches: [],
    threads: [],
    discarded: [],
    failure: undefined,
    during: () => {},
    initBatch(tokens) {
      parts = [];
      size = 0;
      left = tokens;
    },
    addToBatch(sequence, _position, tokens, outputs) {
      left -= tokens.length;
      if (left < 0) throw new Error('more tokens than the batch was made for');
      parts.push(`${sequence}×${tokens.length}`);
      const start = size;
      size += tokens.length;
      return outputs.map((index) => start + index);
    },
    async decodeBatch() {
      await new Promise((resolve) => setImmediate(resolve));
      target.during();
      const { failure } = target;
      target.failure = undefined;
      if (failure !== undefined) throw failure;
      target.batches.push(parts.join(' '));
    },
    discard(sequence, position) {
      target.discarded.push(`${sequence}@${position}`);
    },
    setThreads(threads) {
      target.threads.push(threads);
    },
  };
  return target;
}

interface JobWishes {
  readonly sequence: number;
  readonly prompt: number;
  readonly decode?: number;
  readonly alone?: boolean;
  readonly isAborted?: () => boolean;
}

/** A job with a prompt and then tokens one at a time. Settles with what happened to it, in order. */
function run(scheduler: BatchScheduler, wishes: JobWishes): Promise<string[]> {
  const { sequence, prompt, decode = 0, alone = false, isAborted = () => false } = wishes;
  return new Promise((resolve) => {
    const events: string[] = [];
    let promptLeft = prompt;
    let decodeLeft = decode;
    let taken = 0;
    const job: BatchJob = {
      sequence,
      alone,
      get phase() {
        return promptLeft > 0 ? ('prompt' as const) : ('decode' as const);
      },
      get isAborted() {
        return isAborted();
      },
      nextPart(room) {
        if (isAborted() || (promptLeft === 0 && decodeLeft === 0)) return null;
        taken = promptLeft > 0 ? Math.min(room, promptLeft) : 1;
        return { position: 0, tokens: new Uint32Array(taken), outputs: Uint32Array.of(taken - 1) };
      },
      computed() {
        if (promptLeft > 0) promptLeft -= taken;
        else decodeLeft -= 1;
        events.push('computed');
        return Promise.resolve();
      },
      report({ tokens }) {
        events.push(`report ${tokens}`);
      },
      over() {
        events.push('over');
        resolve(events);
      },
      failed(error) {
        events.push(`failed ${(error as { code?: string }).code ?? (error as Error).message}`);
        resolve(events);
      },
    };
    scheduler.add(job);
  });
}

function schedulerOn(target: BatchTarget, batchTokens = 8): BatchScheduler {
  let now = 0;
  return createBatchScheduler({ target, batchTokens, threads: 1, now: () => (now += 1) });
}

describe('createBatchScheduler', () => {
  it('takes one token of each decoding sequence and fills the rest of the batch with one prompt', async () => {
    const target = recorder();
    const scheduler = schedulerOn(target);
    await Promise.all([
      run(scheduler, { sequence: 0, prompt: 1, decode: 3 }),
      run(scheduler, { sequence: 1, prompt: 1, decode: 3 }),
      run(scheduler, { sequence: 2, prompt: 14 }),
    ]);
    expect(target.batches).toEqual(['0×1', '0×1 1×1', '0×1 1×1 2×6', '0×1 1×1 2×6', '1×1 2×2']);
  });

  it('gives prompts turns, and no batch more tokens than it may have', async () => {
    const target = recorder();
    const scheduler = schedulerOn(target);
    await Promise.all([0, 1, 2].map((sequence) => run(scheduler, { sequence, prompt: 20 })));
    expect(target.batches.slice(0, 6)).toEqual(['0×8', '1×8', '2×8', '0×8', '1×8', '2×8']);
  });

  it('never mixes a job that computes alone with another one, and lets all have turns', async () => {
    const target = recorder();
    const scheduler = schedulerOn(target);
    await Promise.all([
      run(scheduler, { sequence: 0, prompt: 3, decode: 3, alone: true }),
      run(scheduler, { sequence: 1, prompt: 3, decode: 3 }),
      run(scheduler, { sequence: 2, prompt: 3, decode: 3 }),
      run(scheduler, { sequence: 3, prompt: 3, decode: 3, alone: true }),
    ]);
    for (const batch of target.batches) {
      if (/[03]×/.test(batch)) expect(batch).not.toContain(' ');
    }
    // Between two turns of one there is at most one turn of each of the others.
    const turns = target.batches.map((batch) => (batch.startsWith('0') ? 'a' : batch.startsWith('3') ? 'd' : 's'));
    const own = turns.flatMap((turn, index) => (turn === 'a' ? [index] : []));
    for (const [index, at] of own.entries()) {
      const between = turns.slice(at + 1, own[index + 1] ?? at + 1);
      expect(between.filter((turn) => turn === 'd').length).toBeLessThanOrEqual(1);
      expect(between.length).toBeLessThanOrEqual(4);
    }
  });

  it('tells what a batch took before it says that a job is over, and while the next batch computes', async () => {
    const target = recorder();
    const scheduler = schedulerOn(target);
    const events = await run(scheduler, { sequence: 0, prompt: 2, decode: 1 });
    expect(events).toEqual(['computed', 'report 2', 'computed', 'report 1', 'over']);
  });

  it('sees an abort between two batches', async () => {
    const target = recorder();
    const scheduler = schedulerOn(target);
    let isAborted = false;
    target.during = () => {
      if (target.batches.length === 1) isAborted = true;
    };
    const events = await run(scheduler, { sequence: 0, prompt: 80, isAborted: () => isAborted });
    expect(target.batches).toEqual(['0×8', '0×8']);
    expect(events.at(-1)).toBe('over');
  });

  it('ends a job that was aborted while it waited for its turn before the next batch', async () => {
    const target = recorder();
    const scheduler = schedulerOn(target);
    const aborted = new Set<number>();
    target.during = () => {
      if (target.batches.length === 0) for (const sequence of [2, 3]) aborted.add(sequence);
    };
    const batchesAtEnd = await Promise.all(
      [0, 1, 2, 3].map(async (sequence) => {
        const wishes = { sequence, prompt: 24, alone: sequence > 2, isAborted: () => aborted.has(sequence) };
        await run(scheduler, wishes);
        return target.batches.length;
      }),
    );
    // The first batch was under way; it is told of while the second one computes.
    expect(batchesAtEnd.slice(2)).toEqual([1, 1]);
  });

  it('fails the jobs of a batch that failed, takes their tokens away, and goes on with the others', async () => {
    const target = recorder();
    const scheduler = schedulerOn(target);
    target.failure = new Error('no room');
    const [failed, well] = await Promise.all([
      run(scheduler, { sequence: 0, prompt: 3, alone: true }),
      run(scheduler, { sequence: 1, prompt: 3, decode: 2 }),
    ]);
    expect(failed).toEqual(['failed ENGINE_FAILED']);
    expect(target.discarded).toEqual(['0@0']);
    expect(well.at(-1)).toBe('over');
  });

  it('runs other work between batches, in order, without keeping jobs from their turns', async () => {
    const target = recorder();
    const scheduler = schedulerOn(target);
    let computing = 0;
    target.during = () => {
      computing += 1;
    };
    const seen: string[] = [];
    const done = run(scheduler, { sequence: 0, prompt: 40 });
    await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        scheduler.exclusive(async () => {
          const before = computing;
          await new Promise((resolve) => setImmediate(resolve));
          expect(computing).toBe(before);
          seen.push(`${name} after ${target.batches.length}`);
        }),
      ),
    );
    await done;
    expect(seen).toEqual(['a after 0', 'b after 1', 'c after 2']);
    await expect(scheduler.exclusive(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await scheduler.exclusive(() => 7)).toBe(7);
  });

  it('sets the threads before the next batch, once', async () => {
    const target = recorder();
    const scheduler = schedulerOn(target);
    target.during = () => {
      if (target.batches.length === 0) {
        scheduler.setThreads(3);
        expect(target.threads).toEqual([]);
      }
    };
    await run(scheduler, { sequence: 0, prompt: 24 });
    expect(target.threads).toEqual([3]);
  });
});
