export { ingestDocuments, watchIntoMemory } from './ingest-documents.ts';
export type {
  IngestDocumentsOptions,
  IngestOperationEvent,
  IngestReadBack,
  IngestResult,
  SkippedDocument,
  WatchOperationEvent,
} from './ingest-documents.ts';
export { auditMemory } from './audit-memory.ts';
export type {
  AuditOptions,
  ExactDuplicates,
  MemoryAudit,
  NearDuplicates,
  NeverRecalled,
  RecallLoop,
  StaleSource,
} from './audit-memory.ts';
export { readSource } from './read-source.ts';
export type { SourceNow, SourceState } from './read-source.ts';
export { attachCitations } from './attach-citations.ts';
export type { CitationOptions } from './attach-citations.ts';
export { supportMin } from './check-support.ts';
export { chatTag, createConversationMemory } from './create-conversation-memory.ts';
export { createRetrieval } from './create-retrieval.ts';
export type { RetrievalParts } from './create-retrieval.ts';
export { findPassages, relevanceOf } from './find-passages.ts';
export type { FindPassagesOptions } from './find-passages.ts';
export { measureRelevance, passGate, relevanceGate } from './relevance-gate.ts';
export type { Relevance, WeighedTerm } from './relevance-gate.ts';
export { renderPassages } from './render-passages.ts';
export { shadowMemory } from './shadow-memory.ts';
export type { ShadowedMemory, ShadowOptions, ShadowStats } from './shadow-memory.ts';
