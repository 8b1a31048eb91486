import type { AddonCheckpoint, AddonContext, LlamaAddon } from './addon-types.ts';
import type { LlamaModel } from './llama-model.ts';

/** What one sequence of a context holds. Its methods touch the native context: call them between batches only. */
export interface SequenceState {
  /** The tokens whose state it holds, in order. Appended to by who computes them. */
  readonly tokens: number[];
  /** Cuts to at most `tokens` tokens; tells how many are left. */
  truncate(tokens: number): Promise<number>;
  /** Remembers the state as it is; tells the bytes that this costs. */
  checkpoint(keepMax: number): Promise<number>;
  /** Makes it hold what `other` holds, at most `tokens` tokens; tells how many. */
  copyFrom(other: SequenceState, tokens: number): Promise<number>;
  /** Puts a saved state in its place. On an error it holds nothing. */
  restore(load: () => Promise<ArrayLike<number>>): Promise<number>;
  /** Empties it. */
  clear(): void;
  /** For `copyFrom`. */
  readonly index: number;
  readonly checkpoints: readonly Checkpoint[];
}

/** A remembered state. Several sequences may hold one. */
interface Checkpoint {
  readonly native: AddonCheckpoint;
  readonly bytes: number;
  /** Fewest tokens that a sequence can be left with by it: before that, sliding cells are missing. */
  readonly fewestTokens: number;
  /** Most tokens that it can leave: those that the sequence held, less what was cut since. */
  readonly mostTokens: number;
  readonly shared: { holders: number };
}

/** What the sequences of one context have in common. */
export interface SequenceStatesOptions {
  readonly addon: LlamaAddon;
  readonly context: AddonContext;
  readonly model: Pick<LlamaModel, 'windowTokens' | 'needsCheckpoints' | 'hasRecurrentState'>;
  /** Tokens of context of each sequence. */
  readonly contextTokens: number;
  readonly sequences: number;
  /** Computes everything that copies still owe. */
  readonly settleCopies: () => Promise<void>;
  /** Told of a copy whose data llama.cpp moves only with the next batch. */
  readonly copied: (to: number, tokens: number) => void;
}

/** Makes the states of all sequences of a context. */
export function createSequenceStates(options: SequenceStatesOptions): SequenceState[] {
  return Array.from({ length: options.sequences }, (_, index) => createSequenceState(index, options));
}

function createSequenceState(
  index: number,
  { addon, context, model, contextTokens, settleCopies, copied }: SequenceStatesOptions,
): SequenceState {
  const tokens: number[] = [];
  let checkpoints: Checkpoint[] = [];

  /** Whether the sliding layers still have everything that a token at `position` attends to, itself included. */
  function isWhole(position: number): boolean {
    const window = model.windowTokens ?? contextTokens;
    return context.getSequenceKvCacheMinPosition(index) <= Math.max(0, position - window + 1);
  }

  /**
   * A checkpoint holds what the last of `length` tokens attends to. So it can also leave one token less, and where all is
   * within the window, any number. A recurrent state is of one place only.
   */
  function fewestTokens(length: number): number {
    if (model.windowTokens === null) return length;
    return length <= model.windowTokens ? 1 : length - 1;
  }

  function forget(checkpoint: Checkpoint): void {
    checkpoint.shared.holders -= 1;
    if (checkpoint.shared.holders === 0) checkpoint.native.dispose();
  }

  function keepOnly(isKept: (checkpoint: Checkpoint) => boolean): void {
    for (const checkpoint of checkpoints) if (!isKept(checkpoint)) forget(checkpoint);
    checkpoints = checkpoints.filter(isKept);
  }

  /** The tokens from `length` on are no longer there: a checkpoint is true only up to there. */
  function cutTo(length: number): number {
    tokens.length = length;
    checkpoints = checkpoints.map((checkpoint) => ({
      ...checkpoint,
      mostTokens: Math.min(checkpoint.mostTokens, length),
    }));
    keepOnly(({ fewestTokens, mostTokens }) => fewestTokens <= mostTokens);
    return length;
  }

  async function truncate(asked: number): Promise<number> {
    const wanted = Math.min(asked, tokens.length);
    // Also where nothing is known to be there: a batch that failed may have left cells behind.
    if (wanted === 0) return clear();
    if (wanted === tokens.length) return wanted;
    if (isWhole(wanted) && context.removeTokenCellsFromSequence(index, wanted, -1)) return cutTo(wanted);
    return goBack(wanted);
  }

  /** Goes back to the checkpoint that leaves the most tokens. */
  async function goBack(wanted: number): Promise<number> {
    const targets = checkpoints
      .map((checkpoint) => ({ checkpoint, length: Math.min(wanted, checkpoint.mostTokens) }))
      .filter(({ checkpoint, length }) => length >= checkpoint.fewestTokens)
      .toSorted((a, b) => b.length - a.length);
    if (targets.length > 0) await settleCopies();
    for (const { checkpoint, length } of targets) {
      if (await context.restoreCheckpoint(checkpoint.native, length - 1, index)) return cutTo(length);
    }
    return clear();
  }

  function clear(): number {
    context.disposeSequence(index);
    return cutTo(0);
  }

  return {
    index,
    tokens,
    get checkpoints() {
      return checkpoints;
    },
    truncate,
    clear() {
      clear();
    },

    async checkpoint(keepMax) {
      if (!model.needsCheckpoints || tokens.length === 0 || keepMax === 0) {
        if (keepMax === 0) keepOnly(() => false);
        return 0;
      }
      const same = checkpoints.find(({ mostTokens }) => mostTokens === tokens.length);
      if (same !== undefined) return same.bytes;
      await settleCopies();
      const native = new addon.AddonContextSequenceCheckpoint();
      await native.init(context, index);
      checkpoints.push({
        native,
        bytes: native.size,
        fewestTokens: fewestTokens(tokens.length),
        mostTokens: tokens.length,
        shared: { holders: 1 },
      });
      const newest = checkpoints.slice(-keepMax);
      keepOnly((checkpoint) => newest.includes(checkpoint));
      return native.size;
    },

    async copyFrom(other, tokensMax) {
      if (other.index === index) return truncate(tokensMax);
      // Two copies into one place, or a copy of a copy, need the first one done.
      await settleCopies();
      clear();
      // What llama.cpp owes of a copy is made up for by a token that is taken back, which a recurrent state cannot.
      if (other.tokens.length === 0 || model.hasRecurrentState) return 0;
      await context.copySequenceStateFromOtherSequence(index, other.index);
      for (const token of other.tokens) tokens.push(token);
      checkpoints = other.checkpoints.map((checkpoint) => {
        checkpoint.shared.holders += 1;
        return { ...checkpoint };
      });
      copied(index, tokens.length);
      return truncate(tokensMax);
    },

    async restore(load) {
      await settleCopies();
      clear();
      try {
        for (const token of Array.from(await load())) tokens.push(token);
        return tokens.length;
      } catch (error) {
        clear();
        throw error;
      }
    },
  };
}
