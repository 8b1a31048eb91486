/** Bounds of what is read. Beyond one of them a file is skipped with `DOCUMENT_TOO_LARGE`, never cut. */
export interface IngestLimits {
  /** Most bytes of one file, page or stream. Default 64 MiB: a book has one, a scanned one fifty. */
  readonly fileBytesMax: number;
  /** Most characters of the text of one document. Default 64 Mi: as many as the largest file of plain text. */
  readonly textCharactersMax: number;
  /** Most folders inside each other. Default 32: deeper ones are made by programs. */
  readonly depthMax: number;
  /** Most files of one call. Default 100,000: a list of more would take longer than anyone waits without a word. */
  readonly filesMax: number;
  /** Most bytes that a compressed document may unpack to for each of its own. Default 100: office files reach 20. */
  readonly unpackedRatioMax: number;
  /** Most pages of a PDF. Default 2,000: the longest manuals. */
  readonly pagesMax: number;
  /** Most levels of JSON inside each other. Default 200. */
  readonly nestingMax: number;
  /** How long turning one document into text may take, in milliseconds. Default 60,000: 2,000 pages on a slow machine. */
  readonly extractMsMax: number;
  /** Most memory that turning one document into text may take beyond what the process has, in MiB. Default 1,024. */
  readonly extractMemoryMiBMax: number;
  /** How long an address may take from asking to its last byte, in milliseconds. Default 60,000. */
  readonly fetchMsMax: number;
  /** Most redirects of an address. Default 5: http to https, to the right host, to the right page. */
  readonly redirectsMax: number;
}

/** The limits where nothing else is said. */
export const ingestLimitDefaults: IngestLimits = {
  fileBytesMax: 64 * 1024 * 1024,
  textCharactersMax: 64 * 1024 * 1024,
  depthMax: 32,
  filesMax: 100_000,
  unpackedRatioMax: 100,
  pagesMax: 2_000,
  nestingMax: 200,
  extractMsMax: 60_000,
  extractMemoryMiBMax: 1_024,
  fetchMsMax: 60_000,
  redirectsMax: 5,
};
