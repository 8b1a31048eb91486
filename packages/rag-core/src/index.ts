export { createAnalyzer, searchedText, termUnitsMax } from './analyzer.ts';
export type { Analyzer, AnalyzerOptions, TermNumbering } from './analyzer.ts';
export { analyzerLanguages } from './stemmers.ts';
export { chunkDefaults, chunkDocument } from './chunk-document.ts';
export type { Chunk, ChunkSizes, ChunkSource } from './chunk-document.ts';
export type { ChunkFormat } from './chunk-borders.ts';
export {
  bm25Defaults,
  inverseDocumentFrequency,
  lengthNorm,
  rankingVersion,
  rounded,
  stopWordScale,
  termScore,
} from './ranking.ts';
export type { Bm25Parameters } from './ranking.ts';
export { denseWeight, fuseByRank, fuseByScore, fusionDepth, fusionVersion } from './fusion.ts';
export type { Ranked } from './fusion.ts';
export { recallParts, recallScore, recallWeights, recencyHalfLifeMs } from './recall-score.ts';
export type { RecallFacts } from './recall-score.ts';
export {
  expiryOf,
  laterExpiry,
  promotedTier,
  promotionAccesses,
  promotionImportance,
  rolledTier,
} from './tier-rules.ts';
export type { TierFacts } from './tier-rules.ts';
export { findNearDuplicates, nearDuplicateSimilarity } from './near-duplicates.ts';
export type { NearDuplicate } from './near-duplicates.ts';
export { chunkSizesOfTokens, estimateTokens } from './token-estimate.ts';
export type { ChunkTokens } from './token-estimate.ts';
