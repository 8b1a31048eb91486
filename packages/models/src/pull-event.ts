import type { ErrorCode } from '@gemma-cli/contracts';
import type { InstalledModel } from './installed-model.ts';

/** Another process pulls the same model; this one waits for it and takes over if it dies. */
export interface PullWaiting {
  readonly type: 'waiting';
  /** Process that holds the model. */
  readonly pid: number;
}

/** A source is tried. */
export interface SourceTrying {
  readonly type: 'source-trying';
  /** The source as a person would name it: `hf:owner/repo:Q4_K_M`, an URL, `pip:package`, a path. */
  readonly source: string;
}

/** A source failed; the next one is tried, if there is one. */
export interface SourceFailed {
  readonly type: 'source-failed';
  readonly source: string;
  readonly code: ErrorCode;
  /** One sentence for a person. */
  readonly reason: string;
}

/**
 * The terms of the model that is about to be fetched. Comes before its first byte where they are known by then, and before
 * it is installed where only the package itself tells them.
 */
export interface PullLicence {
  readonly type: 'licence';
  readonly name: string;
  /** `null` when it is not known where the terms are published. */
  readonly url: string | null;
  /** The notice to show: what applies and where it is written. */
  readonly text: string;
  /** These terms were not shown by this store before. */
  readonly firstTime: boolean;
}

/** Bytes arrived. At most four a second, and one at the end. */
export interface PullProgress {
  readonly type: 'progress';
  /** Bytes so far, those of an earlier run included. */
  readonly receivedBytes: number;
  /** `null` = the source does not tell. */
  readonly totalBytes: number | null;
  /** Rate of the last seconds. */
  readonly bytesPerSecond: number;
  /** `null` = not known. */
  readonly remainingSeconds: number | null;
}

/** A part from an earlier run or connection is continued. */
export interface PullResuming {
  readonly type: 'resuming';
  readonly fromBytes: number;
}

/** What was received so far cannot be continued and is thrown away. */
export interface PullRestarting {
  readonly type: 'restarting';
  readonly reason: string;
}

/** A connection broke or stalled and is made again. */
export interface PullRetrying {
  readonly type: 'retrying';
  readonly reason: string;
  /** 1 for the first retry. */
  readonly attempt: number;
  readonly waitMs: number;
}

/** The bytes are all there; hash and header are checked. */
export interface PullVerifying {
  readonly type: 'verifying';
  readonly totalBytes: number;
}

/** Something a person should know that is no failure, such as an instruct model without a chat template. */
export interface PullWarning {
  readonly type: 'warning';
  readonly message: string;
}

/** The model is installed. Always the last event, exactly once. */
export interface Pulled {
  readonly type: 'pulled';
  readonly model: InstalledModel;
  /** It was there before; nothing was downloaded. */
  readonly alreadyInstalled: boolean;
}

/** What `pull` yields. It ends with `pulled` or throws one typed error. */
export type PullEvent =
  | PullWaiting
  | SourceTrying
  | SourceFailed
  | PullLicence
  | PullProgress
  | PullResuming
  | PullRestarting
  | PullRetrying
  | PullVerifying
  | PullWarning
  | Pulled;
