import type { ErrorCode } from '@gemma-cli/contracts';

/** How a text is built, and so how it is best cut into chunks. */
export type TextFormat = 'prose' | 'markdown' | 'code';

/** A document, read and turned into text. */
export interface IngestDocument {
  /** A `file:` address with every symbolic link resolved, the `http:` or `https:` address asked for, or the name given to a stream. */
  readonly uri: string;
  /** SHA-256 of the bytes of the source, in hexadecimal. */
  readonly hash: string;
  /** Size of the source. */
  readonly bytes: number;
  readonly format: TextFormat;
  /** What the document calls itself; else its first heading; else its file name. `null` where it has none of these. */
  readonly title: string | null;
  /** At least one character that is not white space. Lines end with a line feed. */
  readonly text: string;
  /** What the bytes were taken for, such as `application/pdf`. */
  readonly mediaType: string;
  /** The encoding that the bytes were read with, such as `utf-8`. `null` where the format has its own. */
  readonly encoding: string | null;
  /** How many characters were taken out because nobody sees them: control characters, tag characters, direction controls. */
  readonly removedCharacters: number;
}

/** A document that the memory does not have, or has otherwise. */
export interface DocumentRead {
  readonly type: 'document';
  readonly document: IngestDocument;
}

/** The bytes of a source are those that are known. It was not turned into text. */
export interface DocumentUnchanged {
  readonly type: 'unchanged';
  readonly uri: string;
  readonly bytes: number;
}

/** Something was left out. The others go on. */
export interface DocumentSkipped {
  readonly type: 'skipped';
  /** As it was given or found: a path, an address, a pattern, `-`. */
  readonly path: string;
  /** Its address in the memory, where it can have one. */
  readonly uri: string | null;
  /**
   * `DOCUMENT_UNREADABLE` damaged, `DOCUMENT_UNSUPPORTED` a format or kind that is not read, `DOCUMENT_TOO_LARGE` beyond a
   * limit, `FILE_UNREADABLE` not there or not allowed, `SOURCE_UNREACHABLE` a page that could not be fetched.
   */
  readonly code: ErrorCode;
  /** What was found, in words, without a period at its end. */
  readonly reason: string;
}

/** How far the reading is. Comes first, after the search for files, and after each file. */
export interface IngestProgress {
  readonly type: 'progress';
  /** Files read, unchanged or skipped. */
  readonly filesDone: number;
  /** `null` while folders are still searched. */
  readonly filesTotal: number | null;
  /** Of the files done, those skipped included. */
  readonly bytesDone: number;
  /** `null` while folders are still searched, and with addresses and streams, whose size nobody knows before. */
  readonly bytesTotal: number | null;
}

/**
 * A folder was searched to its end: whatever else the memory has below this address is no longer there. Comes after the
 * last document, once for each folder that was given, and never for one that was searched in part.
 */
export interface FolderWalked {
  readonly type: 'walked';
  /** Ends with a slash. */
  readonly uri: string;
  /** Addresses of all files that were found in it, read or skipped. */
  readonly found: ReadonlySet<string>;
}

/** What `readDocuments` tells. */
export type IngestEvent = DocumentRead | DocumentUnchanged | DocumentSkipped | IngestProgress | FolderWalked;
