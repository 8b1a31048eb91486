import { createTokenLedger } from '@gemma-cli/model-process';
import type { TokenLedger } from '@gemma-cli/model-process';
import { reusablePrefixTokens } from './reusable-prefix.ts';

/** A sequence of a model process, and what it holds. */
export interface Slot {
  readonly sequence: number;
  readonly ledger: TokenLedger;
  isBusy: boolean;
  /** Tokens of an answer are sampled on it. */
  isDecoding: boolean;
  /** Grows with every use: the smallest is the least recently used. */
  lastUse: number;
  /** Tokens that the newest checkpoint covers. */
  checkpointTokens: number;
  /** Checkpoints that it may hold: those made, up to as many as are kept. */
  checkpoints: number;
}

/** Makes the slots of a fresh process. */
export function createSlots(count: number): readonly Slot[] {
  return Array.from({ length: count }, (_, sequence) => ({
    sequence,
    ledger: createTokenLedger(),
    isBusy: false,
    isDecoding: false,
    lastUse: 0,
    checkpointTokens: 0,
    checkpoints: 0,
  }));
}

/** Where a prompt goes, and whose state its beginning is. */
export interface SlotChoice {
  readonly slot: Slot;
  /** Another slot whose first `sharedTokens` tokens are copied first. `null` = the slot's own are used. */
  readonly donor: Slot | null;
  readonly sharedTokens: number;
}

/**
 * Fewer shared tokens than this are evaluated again rather than copied or worth keeping a conversation for: a common
 * beginning of that length is the template's, not the user's.
 */
const worthSharingTokens = 32;

/** A conversation that would lose more tokens than this keeps its slot, when another one is free. */
const worthKeepingTokens = 64;

/**
 * Chooses the slot of a prompt among the free ones. A prompt that goes on where a slot ends takes that slot. One that
 * only shares its beginning (a system prompt, an earlier turn) copies it into the least recently used slot, so that both
 * conversations stay. One that shares nothing takes the least recently used slot.
 */
export function chooseSlot(slots: readonly Slot[], promptTokens: readonly number[], reproducible: boolean): SlotChoice {
  const free = slots.filter(({ isBusy }) => !isBusy);
  const shared = new Map(free.map((slot) => [slot, reusablePrefixTokens(slot.ledger, promptTokens, reproducible)]));
  const sharedBy = (slot: Slot): number => shared.get(slot) ?? 0;
  const best = free.toSorted((one, other) => sharedBy(other) - sharedBy(one) || other.lastUse - one.lastUse)[0];
  if (best === undefined) throw new Error('chooseSlot needs a free slot: admission gives one seat per slot.');

  const lostTokens = best.ledger.tokens.length - sharedBy(best);
  // The first turns of a conversation are short: it goes on where most of it is.
  const isWorthSharing = sharedBy(best) >= worthSharingTokens || lostTokens < sharedBy(best);
  if (isWorthSharing && lostTokens <= worthKeepingTokens) {
    return { slot: best, donor: null, sharedTokens: sharedBy(best) };
  }
  const oldest = free.toSorted((one, other) => one.lastUse - other.lastUse)[0] ?? best;
  if (oldest === best || sharedBy(best) < worthSharingTokens) {
    return { slot: oldest, donor: null, sharedTokens: sharedBy(oldest) };
  }
  return { slot: oldest, donor: best, sharedTokens: sharedBy(best) };
}
