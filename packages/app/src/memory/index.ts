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
