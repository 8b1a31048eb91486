/**
 * What this package uses of the native addon of node-llama-cpp, as version 3.22.1 has it.
 *
 * @module
 */

/** The exports of `llama-addon.node`. */
export interface LlamaAddon {
  readonly AddonModel: new (
    path: string,
    options: { addonExports: LlamaAddon; gpuLayers: number; useMmap: boolean; useMlock: boolean },
  ) => AddonModel;
  readonly AddonContext: new (model: AddonModel, options: AddonContextOptions) => AddonContext;
  readonly AddonContextSequenceCheckpoint: new () => AddonCheckpoint;
  readonly AddonGrammar: new (
    gbnf: string,
    options: { addonExports: LlamaAddon; rootRuleName: string },
  ) => AddonGrammar;
  readonly AddonGrammarEvaluationState: new (model: AddonModel, grammar: AddonGrammar) => AddonGrammarState;
  readonly AddonSampler: new (model: AddonModel) => AddonSampler;
  /** Levels: 1 fatal, 2 error, 3 warning. */
  setLogger(logger: (level: number, message: string) => void): void;
  setLoggerLogLevel(level: number): void;
  setEnv(key: string, value?: string): boolean;
  loadBackends(folder?: string): void;
  getGpuType(): 'cuda' | 'vulkan' | 'metal' | false | undefined;
  getGgmlType(name: string): number | undefined;
  getIsArchRecurrent(architecture: string): boolean | undefined;
  getIsArchHybrid(architecture: string): boolean | undefined;
  init(): Promise<void>;
}

/** Options of a context, as the addon names them. */
export interface AddonContextOptions {
  /** Cells of all sequences together. */
  readonly contextSize: number;
  readonly batchSize: number;
  readonly sequences: number;
  readonly flashAttention: boolean | 'auto';
  readonly threads: number;
  readonly embeddings: boolean;
  readonly ranking: boolean;
  readonly kvCacheKeyType?: number;
  readonly kvCacheValueType?: number;
}

/** Loaded weights and their vocabulary. */
export interface AddonModel {
  init(): Promise<boolean>;
  /** After its contexts. */
  dispose(): Promise<void>;
  tokenize(text: string, specialTokens: boolean): Uint32Array;
  getTrainContextSize(): number;
  getEmbeddingVectorSize(): number;
  getTotalSize(): number;
  /** -1 where there is none; so are the others. */
  tokenBos(): number;
  tokenEos(): number;
  sepToken(): number;
  getTokenString(token: number): string | undefined;
  getTokenAttributes(token: number): number;
  isEogToken(token: number): boolean;
  getVocabularyType(): number;
  shouldPrependBosToken(): boolean;
  shouldAppendEosToken(): boolean;
}

/** A context: the attention caches of its sequences and one batch at a time. */
export interface AddonContext {
  init(): Promise<boolean>;
  dispose(): Promise<void>;
  initBatch(size: number): void;
  addToBatch(sequence: number, position: number, tokens: Uint32Array, outputs: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  sampleToken(output: number, sampler: AddonSampler): Promise<number>;
  sampleToken(
    output: number,
    sampler: AddonSampler,
    probabilities: false,
    confidence: false,
    logits: readonly [tokens: readonly number[], max: boolean, min: boolean, selected: boolean, top: number],
    totalWeight: boolean,
  ): Promise<
    readonly [
      token: number,
      probabilities: undefined,
      confidence: undefined,
      logits: readonly number[] | undefined,
      totalWeight: number | undefined,
    ]
  >;
  disposeSequence(sequence: number): void;
  removeTokenCellsFromSequence(sequence: number, start: number, end: number): boolean;
  getSequenceKvCacheMinPosition(sequence: number): number;
  getEmbedding(tokens: number): Float64Array;
  setThreads(threads: number): void;
  ensureDraftContextIsCompatibleForSpeculative(draft: AddonContext): void;
  saveSequenceStateToFile(path: string, sequence: number, tokens: Uint32Array): Promise<number>;
  loadSequenceStateFromFile(path: string, sequence: number, tokensMax: number): Promise<Uint32Array>;
  restoreCheckpoint(checkpoint: AddonCheckpoint, position: number, sequence: number): Promise<boolean>;
  copySequenceStateFromOtherSequence(to: number, from: number): Promise<number>;
}

/** The part of a sequence's state that cannot be cut: the cells of sliding layers, recurrent state. */
export interface AddonCheckpoint {
  init(context: AddonContext, sequence: number): Promise<void>;
  dispose(): void;
  readonly size: number;
}

/** A parsed grammar. */
export interface AddonGrammar {
  isTextCompatible(text: string): boolean;
}

/** How far an output has come in its grammar. */
export interface AddonGrammarState {
  readonly __brand: 'AddonGrammarState';
}

/** A chain of samplers with its random state and its window of tokens. */
export interface AddonSampler {
  applyConfig(config: AddonSamplerConfig): void;
  dispose(): void;
}

/** What is left out is off. */
export interface AddonSamplerConfig {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly seed?: number;
  readonly xtcProbability?: number;
  readonly xtcThreshold?: number;
  readonly repeatPenalty?: number;
  readonly repeatPenaltyMaxTokens?: number;
  readonly repeatPenaltyTokens?: Uint32Array;
  readonly repeatPenaltyPresencePenalty?: number;
  readonly repeatPenaltyFrequencyPenalty?: number;
  readonly dryRepeatPenaltyStrength?: number;
  readonly dryRepeatPenaltyBase?: number;
  readonly dryRepeatPenaltyAllowedLength?: number;
  readonly dryRepeatPenaltyLastTokens?: number;
  readonly dryRepeatPenaltySequenceBreakers?: readonly string[];
  readonly grammarEvaluationState?: AddonGrammarState;
  readonly tokenBiasKeys?: Uint32Array;
  readonly tokenBiasValues?: Float32Array;
}
