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

/** What the way of a memory through the tiers depends on. */
export interface TierFacts {
  readonly tier: MemoryTier;
  /** The conversation it comes from. Default: none. */
  readonly session?: string | null | undefined;
}

/**
 * Where a memory goes on to that leaves its tier, for want of room or because its time there is over: what was said in a
 * conversation goes from `working` to `episodic`. `null` = it is dropped.
 */
export function rolledTier({ tier, session = null }: TierFacts): MemoryTier | null {
  return tier === 'working' && session !== null ? 'episodic' : null;
}

/**
 * The tier a memory moves up to when memories are consolidated; `null` = it stays. What the model said in a conversation
 * stays whatever its use: it must not become better known by being repeated.
 */
export function promotedTier(
  memory: TierFacts & {
    readonly importance: number;
    readonly accessCount: number;
    /** Who wrote it. Default: nobody named. */
    readonly writer?: string | null | undefined;
  },
): MemoryTier | null {
  const { tier, session = null, writer, importance, accessCount } = memory;
  if (session !== null && writer === 'model') return null;
  const isWorth = accessCount >= promotionAccesses || importance >= promotionImportance;
  return isWorth ? (rolledTier(memory) ?? next[tier] ?? null) : null;
}
