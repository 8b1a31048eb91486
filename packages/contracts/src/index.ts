export { errorCodes } from './error-codes.ts';
export type { ErrorCode, ErrorCodeEntry, ExitCode } from './error-codes.ts';
export { GemmaError, UnsupportedError, ImplementationLoadError, isGemmaError, toGemmaError } from './errors.ts';
export type { ErrorFacts, GemmaErrorJson, GemmaErrorOptions } from './errors.ts';
export { contractVersions } from './handshake.ts';
export type {
  ContractName,
  Implementation,
  ImplementationHandshake,
  ImplementationName,
  Resolution,
} from './handshake.ts';
export type { Capabilities, CapabilityName } from './capabilities.ts';
export type {
  ChatMessage,
  ChatRole,
  GenerateRequest,
  ModelFile,
  OutputFormat,
  Prompt,
  Sampling,
  Speculation,
  ToolCall,
  ToolChoice,
  ToolDefinition,
} from './generate-request.ts';
export { requestDefaults } from './generate-request.ts';
export { requestRanges } from './request-ranges.ts';
export type { NumberRange, RangedOption } from './request-ranges.ts';
export type {
  EngineEvent,
  FinishReason,
  GenerationEnd,
  LoadEnd,
  LoadStart,
  PromptTrimmed,
  RankedTokenLogprob,
  TextDelta,
  ThreadsChanged,
  Timings,
  TokenLogprob,
  ToolCallCut,
  ToolCallEvent,
  Usage,
} from './engine-events.ts';
export type {
  CountTokensOptions,
  Engine,
  EngineModule,
  EngineOptions,
  EngineStatus,
  ModelDescription,
  ModelQuestionOptions,
  RuntimeInfo,
  StateCacheStatus,
  WorkerSpec,
} from './engine.ts';
export { nearestNames } from './nearest-names.ts';
export { embeddingArchitectures } from './embedding-architectures.ts';
export type { EmbedOptions, Embedder, EmbedderOptions, VectorEngineOptions } from './embedder.ts';
export type { RankOptions, Reranker, RerankerOptions } from './reranker.ts';
export { memoryDefaults, memoryTiers } from './memory-store.ts';
export type {
  Consolidation,
  ExportLine,
  Forget,
  ImportResult,
  ListRequest,
  MemoryDurability,
  MemoryOptions,
  MemoryProblem,
  MemoryStats,
  MemoryStore,
  MemoryStoreOptions,
  RecallRequest,
  RowPage,
  ScoreParts,
  SearchHit,
  SearchMode,
  SearchRequest,
  SearchResult,
  TermPart,
} from './memory-store.ts';
export type {
  DocumentFacts,
  MemoryChange,
  MemoryRow,
  MemoryTier,
  NewChunk,
  NewDocument,
  NewMemory,
  RemovalReason,
  RowChanges,
  RowFilter,
  RowKind,
  RowSource,
  TierRules,
  TierTable,
} from './memory-rows.ts';
export type {
  NewRowVector,
  RecordChange,
  RecordGroup,
  RecordRow,
  RecordStats,
  RecordStore,
  RecordWrite,
  RowText,
  RowVector,
  WriteResult,
} from './record-store.ts';
export type { DenseQuery, LexicalQuery, QueryTerm, Retriever, RowSet, ScoredRow } from './retriever.ts';
