/**
 * What a runtime can do with a model. An option that needs a missing capability is refused with `OPTION_UNSUPPORTED`,
 * never ignored.
 */
export interface Capabilities {
  /** A seed makes sampling repeatable. */
  readonly seed: boolean;
  /** Stop strings end an answer. */
  readonly stopStrings: boolean;
  /** `topP` sampling. */
  readonly topP: boolean;
  /** `minP` sampling. */
  readonly minP: boolean;
  /** `repeatPenalty`. */
  readonly repeatPenalty: boolean;
  /** `frequencyPenalty`, `presencePenalty`, `repeatLastTokens`, DRY, XTC and `logitBias`. */
  readonly extendedSampling: boolean;
  /** Sampling options may differ from one request to the next. */
  readonly perRequestSampling: boolean;
  /** Token counts are known, not estimated. */
  readonly tokenCounts: boolean;
  /** An answer can be stopped without ending the process. */
  readonly inBandAbort: boolean;
  /** Output can be constrained to a JSON schema or grammar; tools need it too. */
  readonly schema: boolean;
  /** Log-probabilities of tokens. */
  readonly logprobs: boolean;
  /** Guessing ahead. */
  readonly speculation: boolean;
  /** The model gives embeddings. */
  readonly embeddings: boolean;
  /** The model scores how well a passage answers a question. */
  readonly ranking: boolean;
  /** The state of a sequence can be saved and restored. */
  readonly savedState: boolean;
  /** The model has a chat template. Without one it completes text. */
  readonly chat: boolean;
}

/** The name of one capability. */
export type CapabilityName = keyof Capabilities;
