import { memoryDefaults, memoryTiers } from '@gemma-cli/contracts';
import { describe, expect, it } from 'vitest';
import {
  expiryOf,
  laterExpiry,
  promotedTier,
  promotionAccesses,
  promotionImportance,
  rolledTier,
} from '../src/index.ts';

const { tiers } = memoryDefaults;
const now = 1_700_000_000_000;

describe('tier rules', () => {
  it('gives each tier its time to live from now, semantic none', () => {
    expect(expiryOf('working', now, tiers)).toBe(now + 15 * 60_000);
    expect(expiryOf('short_term', now, tiers)).toBe(now + 3_600_000);
    expect(expiryOf('episodic', now, tiers)).toBe(now + 7 * 86_400_000);
    expect(expiryOf('long_term', now, tiers)).toBe(now + 30 * 86_400_000);
    expect(expiryOf('semantic', now, tiers)).toBeNull();
  });

  it('takes never for the latest expiry', () => {
    expect(laterExpiry(1, 2)).toBe(2);
    expect(laterExpiry(2, 1)).toBe(2);
    expect(laterExpiry(null, 1)).toBeNull();
    expect(laterExpiry(1, null)).toBeNull();
  });

  it('moves up what is used or important, and nothing else', () => {
    const idle = { importance: 0.5, accessCount: 0 };
    for (const tier of memoryTiers) expect(promotedTier({ tier, ...idle })).toBeNull();
    for (const worth of [
      { importance: 0, accessCount: promotionAccesses },
      { importance: promotionImportance, accessCount: 0 },
    ])
      expect(memoryTiers.map((tier) => promotedTier({ tier, ...worth }))).toEqual([
        'short_term',
        'long_term',
        'long_term',
        'semantic',
        null,
      ]);
  });

  it('never shortens a life by moving up', () => {
    for (const tier of memoryTiers) {
      const next = promotedTier({ tier, importance: 1, accessCount: 0 });
      if (next === null) continue;
      const [before, after] = [expiryOf(tier, now, tiers), expiryOf(next, now, tiers)];
      expect(laterExpiry(before, after), `${tier} to ${next}`).toBe(after);
    }
  });

  it('lets what was said in a conversation go on from working to the episodes, and nothing else', () => {
    expect(memoryTiers.map((tier) => rolledTier({ tier, session: 's' }))).toEqual(['episodic', null, null, null, null]);
    for (const tier of memoryTiers) expect(rolledTier({ tier })).toBeNull();
    expect(promotedTier({ tier: 'working', session: 's', importance: 1, accessCount: 0 })).toBe('episodic');
  });

  it('never moves up what the model said in a conversation', () => {
    const often = { importance: 1, accessCount: 100 } as const;
    for (const tier of memoryTiers) expect(promotedTier({ tier, session: 's', writer: 'model', ...often })).toBeNull();
    expect(promotedTier({ tier: 'episodic', session: 's', writer: 'user', ...often })).toBe('long_term');
    expect(promotedTier({ tier: 'episodic', writer: 'model', ...often })).toBe('long_term');
  });
});
