import type { HashSource } from './installed-model.ts';
import type { PullEvent } from './pull-event.ts';

/** A licence text that came with a model. */
export interface LicenceText {
  /** File name, without a folder. */
  readonly name: string;
  readonly text: string;
}

/** A whole model file in the staging folder, not yet a model: its header is unchecked. */
export interface FetchedFile {
  /** The file, absolute. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Of the bytes that were received. It equals the expected one, where there is one. */
  readonly sha256: string;
  readonly hashSource: HashSource;
  /** Where it came from. */
  readonly source: string;
  /** Name of the terms as the source tells it. `null` = it does not. */
  readonly licenceName: string | null;
  /** Texts of the terms that came along. */
  readonly licenceTexts: readonly LicenceText[];
}

/** A hash that a file must have, and who said so. */
export interface ExpectedHash {
  readonly sha256: string;
  readonly hashSource: HashSource;
}

/** What is known of a file before it is fetched. */
export interface Expectation {
  /** `null` = nobody said one; the source may. */
  readonly hash: ExpectedHash | null;
  /** Exact size in bytes. `null` = not known. */
  readonly sizeBytes: number | null;
}

/** Fetches one file from one source. Yields what happens; returns the file or throws one typed error. */
export type SourceFetch = AsyncGenerator<PullEvent, FetchedFile, void>;
