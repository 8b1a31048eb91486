import type { DocumentKind } from './document-kind.ts';
import type { TextFormat } from './ingest-event.ts';
import type { IngestLimits } from './ingest-limits.ts';

/** What a document says. */
export interface ExtractedText {
  readonly text: string;
  readonly format: TextFormat;
  /** What the document calls itself; `null` = it does not say. */
  readonly title: string | null;
  /** `null` where the format has its own. */
  readonly encoding: string | null;
}

/** What an extraction takes. Plain data: it crosses to another thread. */
export interface ExtractionJob {
  readonly kind: DocumentKind;
  readonly bytes: Uint8Array;
  /** The encoding that a server said; `null` = nothing. */
  readonly charset: string | null;
  readonly limits: Pick<
    IngestLimits,
    'textCharactersMax' | 'unpackedRatioMax' | 'pagesMax' | 'nestingMax' | 'extractMsMax' | 'fileBytesMax'
  >;
}
