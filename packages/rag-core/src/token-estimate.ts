import type { ChunkSizes } from './chunk-document.ts';

/** {@link ChunkSizes} in tokens of a model. */
export interface ChunkTokens {
  readonly targetTokens?: number | undefined;
  readonly maxTokens?: number | undefined;
  readonly minTokens?: number | undefined;
  readonly overlapTokens?: number | undefined;
}

/** Code units that make a token, about: words of scripts with spaces, and signs of those without. */
const spacedUnits = 4;
const unspacedUnits = 1.5;

/**
 * About how many tokens a model makes of a text, without the model. English prose comes within a fifth of it, code and
 * tables have up to half as many again.
 */
export function estimateTokens(text: string): number {
  let unspaced = 0;
  for (let at = 0; at < text.length; at++) if (isUnspaced(text.charCodeAt(at))) unspaced++;
  return Math.ceil((text.length - unspaced) / spacedUnits + unspaced / unspacedUnits);
}

/** Sizes in tokens as sizes in code units, by what a token of this text has on average. */
export function chunkSizesOfTokens(text: string, sizes: ChunkTokens): ChunkSizes {
  const unitsOfToken = text === '' ? spacedUnits : text.length / estimateTokens(text);
  const toChars = (tokens: number | undefined) =>
    tokens === undefined ? undefined : Math.round(tokens * unitsOfToken);
  return {
    targetChars: toChars(sizes.targetTokens),
    maxChars: toChars(sizes.maxTokens),
    minChars: toChars(sizes.minTokens),
    overlapChars: toChars(sizes.overlapTokens),
  };
}

/** From Thai to Khmer, kana, Han: blocks, not scripts, which is near enough for an estimate and costs no table. */
function isUnspaced(unit: number): boolean {
  return (
    (unit >= 0x30_40 && unit <= 0x9f_ff) ||
    (unit >= 0xac_00 && unit <= 0xd7_af) ||
    (unit >= 0x0e_00 && unit <= 0x0e_ff) ||
    (unit >= 0x10_00 && unit <= 0x10_9f) ||
    (unit >= 0x17_80 && unit <= 0x17_ff)
  );
}
