/** Tokens of one line of {@link logbook} in the vocabulary of Gemma 3, roughly. */
const lineTokens = 33;

/** About so many tokens of prose that begins in its own way for each label, so that two labels share nothing. */
export function logbook(label: string, tokens: number): string {
  const lines = Math.max(1, Math.round(tokens / lineTokens));
  return Array.from(
    { length: lines },
    (_, day) =>
      `${label}, day ${day + 1}: the keeper of the lighthouse wrote down the wind, the height of the waves and ${day + 3} ships.`,
  ).join('\n');
}

/** Six to nine tokens each, none of which begins like another. */
export const shortPrompts: readonly string[] = [
  'The capital of France is',
  'Water boils at a temperature of',
  'In the year 1969 people first',
];
