/** Numbers from 0 to 1 that a seed repeats: Mulberry32, small, and good enough for tests. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of some items. */
export function oneOf<Item>(random: () => number, items: readonly Item[]): Item {
  const index = Math.floor(random() * items.length);
  if (index >= items.length) throw new Error('Expected items to draw from, got none.');
  return items[index] as Item;
}
