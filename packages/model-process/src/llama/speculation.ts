import { GemmaError } from '@gemma-cli/contracts';
import type { AddonContext, AddonModel, AddonSampler } from './addon-types.ts';

/** Guesses the tokens that follow. */
export interface Drafter {
  /** At most `most` tokens that may come after `tokens`. Called between batches. */
  draft(tokens: readonly number[], most: number): Promise<readonly number[]>;
}

/** Most tokens guessed at a time. More cost a batch more than they win where guesses fail. */
export const draftTokensMax = 8;

/** Longest and shortest run of last tokens that is looked for earlier in the text. */
const runTokens = { most: 4, least: 2 } as const;

/** Guesses what followed the last tokens where they came before: good for edits and quotations. */
export const promptLookup: Drafter = {
  draft: (tokens, most) => Promise.resolve(lookUp(tokens, most)),
};

/** What followed the latest earlier occurrence of the longest run of last tokens. */
export function lookUp(tokens: readonly number[], most: number): readonly number[] {
  for (let run: number = runTokens.most; run >= runTokens.least; run -= 1) {
    for (let start = tokens.length - run - 1; start >= 0; start -= 1) {
      if (matches(tokens, start, run)) return tokens.slice(start + run, start + run + most);
    }
  }
  return [];
}

function matches(tokens: readonly number[], start: number, run: number): boolean {
  for (let offset = 0; offset < run; offset += 1) {
    if (tokens[start + offset] !== tokens[tokens.length - run + offset]) return false;
  }
  return true;
}

/** A smaller model in a context of its own, with one sequence for each of the large model's. */
export interface DraftModel {
  readonly architecture: string;
  /** A drafter for one sequence. */
  forSequence(sequence: number): Drafter;
  setThreads(threads: number): void;
  /** Frees its memory. Between batches only, and nothing may be asked of it after. */
  dispose(): Promise<void>;
}

/** The draft model in use, which another one may replace while calls still guess with it. */
export interface DraftSeat {
  /** What calls guess with from now on. The one before is freed when the last call that guesses with it has ended. */
  replace(draft: DraftModel): void;
  /** The draft model for one call, which gives it back; `undefined` when there is none. */
  lend(): { readonly draft: DraftModel; readonly giveBack: () => void } | undefined;
  /** Also of a draft model that comes later. */
  setThreads(threads: number): void;
}

/** Makes an empty seat. `free` runs what frees a draft model, between two batches. */
export function createDraftSeat(threads: number, free: (dispose: () => Promise<void>) => Promise<void>): DraftSeat {
  let current: { readonly draft: DraftModel; calls: number } | undefined;
  let wantedThreads = threads;

  function freeIfUnused(seated: NonNullable<typeof current>): void {
    if (seated.calls === 0 && seated !== current) void free(() => seated.draft.dispose());
  }

  return {
    replace(draft) {
      const before = current;
      draft.setThreads(wantedThreads);
      current = { draft, calls: 0 };
      if (before !== undefined) freeIfUnused(before);
    },
    lend() {
      const seated = current;
      if (seated === undefined) return undefined;
      seated.calls += 1;
      return {
        draft: seated.draft,
        giveBack() {
          seated.calls -= 1;
          freeIfUnused(seated);
        },
      };
    },
    setThreads(count) {
      wantedThreads = count;
      current?.draft.setThreads(count);
    },
  };
}

/** What a draft model is made of. */
export interface DraftModelOptions {
  readonly architecture: string;
  readonly native: Pick<AddonModel, 'dispose'>;
  readonly context: AddonContext;
  readonly greedy: AddonSampler;
  readonly sequences: number;
  readonly contextTokens: number;
  readonly batchTokens: number;
  /** Tokens that its sliding layers look back; `null` without such layers. */
  readonly windowTokens: number | null;
}

/** Makes drafters that decode greedily with a small model. Its state follows the large model's by their common prefix. */
export function createDraftModel({
  architecture,
  native,
  context,
  greedy,
  sequences,
  contextTokens,
  batchTokens,
  windowTokens,
}: DraftModelOptions): DraftModel {
  const held: number[][] = Array.from({ length: sequences }, () => []);

  /** Drops what does not belong to `tokens`, and the last one: it is computed again to sample after it. */
  function align(sequence: number, own: number[], tokens: readonly number[]): void {
    let same = 0;
    while (same < own.length && same < tokens.length - 1 && own[same] === tokens[same]) same += 1;
    if (same === own.length) return;
    const first = Math.max(0, same - (windowTokens ?? contextTokens));
    const isWhole = context.getSequenceKvCacheMinPosition(sequence) <= first;
    if (isWhole && context.removeTokenCellsFromSequence(sequence, same, -1)) own.length = same;
    else {
      context.disposeSequence(sequence);
      own.length = 0;
    }
  }

  async function compute(sequence: number, own: number[], tokens: readonly number[]): Promise<number> {
    context.initBatch(tokens.length);
    const [place = 0] = context.addToBatch(
      sequence,
      own.length,
      Uint32Array.from(tokens),
      Uint32Array.of(tokens.length - 1),
    );
    try {
      await context.decodeBatch();
    } catch (cause) {
      context.disposeSequence(sequence);
      own.length = 0;
      throw new GemmaError({
        code: 'ENGINE_FAILED',
        message: `llama.cpp failed to compute a guess of the draft model: ${(cause as Error).message}`,
        cause,
      });
    }
    own.push(...tokens);
    return place;
  }

  return {
    architecture,
    setThreads(threads) {
      context.setThreads(threads);
    },
    async dispose() {
      greedy.dispose();
      await context.dispose();
      await native.dispose();
    },
    forSequence(sequence) {
      return {
        async draft(tokens, most) {
          const own = held[sequence] as number[];
          const room = Math.min(most, contextTokens - tokens.length);
          if (room <= 0) return [];
          align(sequence, own, tokens);
          const missing = tokens.slice(own.length, own.length + batchTokens);
          let place = await compute(sequence, own, missing);
          // A long prompt takes several batches to catch up; the others are not kept waiting for all of them.
          if (own.length < tokens.length) return [];
          const guessed: number[] = [];
          for (;;) {
            const token = await context.sampleToken(place, greedy);
            if (token < 0) break;
            guessed.push(token);
            if (guessed.length >= room) break;
            place = await compute(sequence, own, [token]);
          }
          return guessed;
        },
      };
    },
  };
}
