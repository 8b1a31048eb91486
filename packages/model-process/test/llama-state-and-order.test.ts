import { describe, expect, it } from 'vitest';
import type { AddonContext, LlamaAddon } from '../src/llama/addon-types.ts';
import { createCallOrder } from '../src/llama/call-order.ts';
import { createSequenceStates } from '../src/llama/sequence-state.ts';
import type { SequenceStatesOptions } from '../src/llama/sequence-state.ts';
import { createDraftSeat } from '../src/llama/speculation.ts';
import type { DraftModel } from '../src/llama/speculation.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the order of calls', () => {
  it('keeps calls of one sequence in order, and those of others side by side', async () => {
    const order = createCallOrder();
    const seen: string[] = [];
    const { signal } = new AbortController();
    let finish = (): void => {};
    const slow = order.run([0], signal, () => new Promise((resolve) => (finish = resolve)));
    const after = order.run([0], signal, async () => void seen.push('after'));
    const both = order.run([0, 1], signal, async () => void seen.push('both'));
    const last = order.run([1], signal, async () => void seen.push('last'));
    await order.run([2], signal, async () => void seen.push('beside'));
    expect(seen).toEqual(['beside']);
    finish();
    await Promise.all([slow, after, both, last]);
    expect(seen).toEqual(['beside', 'after', 'both', 'last']);
  });

  it('answers an aborted call that waits behind a slow one at once, and keeps later ones waiting', async () => {
    const order = createCallOrder();
    const seen: string[] = [];
    const { signal } = new AbortController();
    const aborting = new AbortController();
    let finish = (): void => {};
    const slow = order.run([0], signal, () => new Promise((resolve) => (finish = resolve)));
    const waiting = order.run([0], aborting.signal, async () => void seen.push('aborted'));
    const after = order.run([0], signal, async () => void seen.push('after'));
    await turn();
    expect(seen).toEqual([]);
    aborting.abort();
    await waiting;
    await turn();
    expect(seen).toEqual(['aborted']);
    finish();
    await Promise.all([slow, after]);
    expect(seen).toEqual(['aborted', 'after']);
  });
});

describe('the seat of a draft model', () => {
  const draft = (name: string, seen: string[]): DraftModel => ({
    architecture: name,
    forSequence: () => ({ draft: () => Promise.resolve([]) }),
    setThreads: (threads) => void seen.push(`${name} on ${threads}`),
    dispose: async () => void seen.push(`${name} is gone`),
  });

  it('frees the one before when the last call that guesses with it has ended', () => {
    const seen: string[] = [];
    const seat = createDraftSeat(4, (dispose) => dispose());
    expect(seat.lend()).toBeUndefined();
    seat.replace(draft('a', seen));
    const [one, other] = [seat.lend(), seat.lend()];
    seat.replace(draft('b', seen));
    one?.giveBack();
    expect(seen).toEqual(['a on 4', 'b on 4']);
    other?.giveBack();
    expect(seen).toEqual(['a on 4', 'b on 4', 'a is gone']);
    const third = seat.lend();
    expect(third?.draft.architecture).toBe('b');
    third?.giveBack();
    seat.replace(draft('c', seen));
    expect(seen.slice(3)).toEqual(['c on 4', 'b is gone']);
  });

  it('gives a new one the threads of now', () => {
    const seen: string[] = [];
    const seat = createDraftSeat(2, (dispose) => dispose());
    seat.setThreads(1);
    seat.replace(draft('a', seen));
    seat.setThreads(2);
    expect(seen).toEqual(['a on 1', 'a on 2']);
  });
});

describe('the state of a sequence', () => {
  const statesOn = (
    hasRecurrentState: boolean,
  ): { calls: string[]; states: ReturnType<typeof createSequenceStates> } => {
    const calls: string[] = [];
    const context: Partial<AddonContext> = {
      disposeSequence: (sequence) => void calls.push(`emptied ${sequence}`),
      getSequenceKvCacheMinPosition: () => 0,
      removeTokenCellsFromSequence: () => true,
      copySequenceStateFromOtherSequence: async () => calls.push('copied'),
    };
    const options: SequenceStatesOptions = {
      addon: {} as LlamaAddon,
      context: context as AddonContext,
      model: { windowTokens: null, needsCheckpoints: hasRecurrentState, hasRecurrentState },
      contextTokens: 100,
      sequences: 2,
      settleCopies: () => Promise.resolve(),
      copied: () => {},
    };
    return { calls, states: createSequenceStates(options) };
  };

  it('is emptied when nothing is to be kept, also where nothing is known to be there', async () => {
    const { calls, states } = statesOn(false);
    expect(await states[1]?.truncate(0)).toBe(0);
    expect(calls).toEqual(['emptied 1']);
  });

  it('is not copied where it is recurrent: the copy could not be cut', async () => {
    for (const [isRecurrent, kept] of [
      [true, 0],
      [false, 3],
    ] as const) {
      const { calls, states } = statesOn(isRecurrent);
      const [from, to] = states;
      if (from === undefined || to === undefined) throw new Error('two sequences');
      from.tokens.push(1, 2, 3);
      expect(await to.copyFrom(from, 3)).toBe(kept);
      expect(calls.includes('copied')).toBe(!isRecurrent);
    }
  });
});
