export type {
  DocumentRead,
  DocumentSkipped,
  DocumentUnchanged,
  FolderWalked,
  IngestDocument,
  IngestEvent,
  IngestProgress,
  TextFormat,
} from './ingest-event.ts';
export { ingestLimitDefaults } from './ingest-limits.ts';
export type { IngestLimits } from './ingest-limits.ts';
export { readDocuments } from './read-documents.ts';
export type { IngestStream, ReadDocumentsOptions } from './read-documents.ts';
export { readSourceBytes } from './read-source-bytes.ts';
export { watchDocuments } from './watch-documents.ts';
export type { DocumentRemoved, WatchDocumentsOptions, WatchEvent, WatchReady } from './watch-documents.ts';
