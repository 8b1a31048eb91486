import type { ModelFormat } from './model-header.ts';

/**
 * Who said what the SHA-256 of a file is: the package or the hub it came from, the caller, or nobody (`computed`: taken
 * of the bytes as they came, so it only shows a later change).
 */
export type HashSource = 'package' | 'hub' | 'caller' | 'computed';

/** Terms under which a model may be used. */
export interface ModelLicence {
  /** Name of the terms, such as `Gemma Terms of Use` or `Apache-2.0`. */
  readonly name: string;
  /** Where the terms are published. `null` when that is not known. */
  readonly url: string | null;
  /** The copy that is kept beside the model, absolute. `null` when there is none. */
  readonly path: string | null;
}

/** A model that is ready to run. */
export interface InstalledModel {
  /** The name by which it is asked for: lower case, `family:tag` for a model of the catalog. */
  readonly name: string;
  /** The model file, absolute. */
  readonly path: string;
  readonly format: ModelFormat;
  readonly sizeBytes: number;
  /** Architecture as the runtime names it. */
  readonly architecture: string;
  /** Quantization such as `Q4_K_M`. `null` = the file does not tell. */
  readonly quantization: string | null;
  /** Number of weights. `null` = the file does not tell. */
  readonly parameters: number | null;
  /** Tokens of context that the model was trained with. `null` = the file does not tell. */
  readonly trainContextTokens: number | null;
  /** It has a chat template: an instruct model. Without one it completes text. */
  readonly chat: boolean;
  /** It turns texts into vectors and does not generate. */
  readonly embedding: boolean;
  /** SHA-256 in lower-case hex. `null` for a linked file that was never verified. */
  readonly sha256: string | null;
  /** Whose hash it is. `null` when there is none. */
  readonly hashSource: HashSource | null;
  /** Where it came from: an URL, `hf:…`, `pip:…` or a path. */
  readonly source: string;
  /** `null` = no licence is known; that is not the same as a free one. */
  readonly licence: ModelLicence | null;
  /** Whether the store downloaded the file, points to it, or copied it. `linked` for a plain path, too. */
  readonly mode: 'downloaded' | 'linked' | 'copied';
  /** ISO 8601. For a plain path: when the file changed last. */
  readonly installedAt: string;
  /** The file was written to after it was installed: `sha256` need not be of what is in it now. */
  readonly changed: boolean;
  /** Why it cannot be run just now, such as a linked file that has gone. `null` = nothing is wrong. */
  readonly problem: string | null;
}
