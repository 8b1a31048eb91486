import type { MemoryTier, TierTable } from '@gemma-cli/contracts';

/** When a memory of a tier expires that is added or moved there now. `null` = never. */
export function expiryOf(tier: MemoryTier, now: number, tiers: TierTable): number | null {
  const { ttlMs } = tiers[tier];
  return ttlMs === null ? null : now + ttlMs;
}

/** The later of two expiries; `null` = never, which is the latest. */
export function laterExpiry(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : Math.max(one, other);
}

/** Accesses after which a memory moves up when memories are consolidated. */
export const promotionAccesses = 3;

/** Importance from which a memory moves up whatever its use. The ancestor's documented threshold. */
export const promotionImportance = 0.75;

const next: Readonly<Partial<Record<MemoryTier, MemoryTier>>> = {
  working: 'short_term',
  short_term: 'long_term',
  episodic: 'long_term',
  long_term: 'semantic',
};

/** The tier a memory moves up to when memories are consolidated; `null` = it stays. */
export function promotedTier(memory: {
  readonly tier: MemoryTier;
  readonly importance: number;
  readonly accessCount: number;
}): MemoryTier | null {
  const isWorth = memory.accessCount >= promotionAccesses || memory.importance >= promotionImportance;
  return isWorth ? (next[memory.tier] ?? null) : null;
}
