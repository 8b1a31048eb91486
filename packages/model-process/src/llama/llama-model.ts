import { GemmaError, embeddingArchitectures } from '@gemma-cli/contracts';
import type { TokenizeInput } from '@gemma-cli/contracts/worker-protocol';
import type { AddonModel } from './addon-types.ts';
import { readGgufMetadata } from './gguf-metadata.ts';
import type { GgufMetadata } from './gguf-metadata.ts';
import type { LoadedAddon } from './llama-addon.ts';
import { createTokenBytes, vocabularyType } from './token-bytes.ts';
import type { TokenBytes } from './token-bytes.ts';

/** Loaded weights, their vocabulary, and what the file says about them. */
export interface LlamaModel {
  readonly native: AddonModel;
  readonly architecture: string;
  readonly trainContextTokens: number;
  /** Tokens that the sliding layers look back; `null` without such layers. */
  readonly windowTokens: number | null;
  /** Whether a part of the state cannot be cut at any token, so that going back needs checkpoints. */
  readonly needsCheckpoints: boolean;
  /** Whether a part of the state is of one place only: it cannot take tokens back, not even the last one. */
  readonly hasRecurrentState: boolean;
  readonly hasChatTemplate: boolean;
  /** How an embedding model makes one vector of many; `null` when the model gives text. */
  readonly pooling: string | null;
  /** Whether it has the output layer of a reranker. */
  readonly isReranker: boolean;
  readonly tokenBytes: TokenBytes;
  /** Tokens of a text or conversation, with those that the model wants at its ends. */
  tokenize(input: TokenizeInput): Promise<number[]>;
  /** Tokens of a question and a passage for a reranker. */
  tokenizePair(query: string, passage: string): number[];
}

const poolings = ['last', 'mean', 'cls', 'last', 'rank'] as const;

/**
 * Loads weights: all layers on the GPU of a GPU build, on the CPU otherwise.
 *
 * @throws GemmaError `ENGINE_LOAD_FAILED` with llama.cpp's own last words.
 */
export async function loadLlamaModel(
  { addon, gpu, lastError }: LoadedAddon,
  path: string,
  log: (level: 'info' | 'warn' | 'error', message: string) => void,
): Promise<LlamaModel> {
  let file: GgufMetadata;
  try {
    file = readGgufMetadata(path);
  } catch (cause) {
    throw loadFailed(path, (cause as Error).message, cause);
  }

  let native = await load(gpu === false ? 0 : allLayers);
  if (native === undefined && gpu !== false) {
    log('warn', `The model does not fit ${gpu}: ${(await lastError()) ?? 'no reason given'}. It runs on the CPU.`);
    native = await load(0);
  }
  if (native === undefined) throw loadFailed(path, (await lastError()) ?? 'llama.cpp gave no reason', undefined);
  return describeModel(native, file, addon);

  async function load(gpuLayers: number): Promise<AddonModel | undefined> {
    // Without mmap: a file that is cut short under a running model would end the process with SIGBUS.
    const model = new addon.AddonModel(path, { addonExports: addon, gpuLayers, useMmap: false, useMlock: false });
    return (await model.init()) ? model : undefined;
  }
}

/** More layers than any model has. */
const allLayers = 9999;

function describeModel(native: AddonModel, file: GgufMetadata, addon: LoadedAddon['addon']): LlamaModel {
  const architecture = String(file.values.get('general.architecture') ?? 'unknown');
  const window = file.values.get(`${architecture}.attention.sliding_window`);
  const windowTokens = typeof window === 'number' && window > 0 ? window : null;
  const hasRecurrentState =
    addon.getIsArchRecurrent(architecture) === true || addon.getIsArchHybrid(architecture) === true;
  const poolingType = file.values.get(`${architecture}.pooling_type`);
  const isReranker =
    poolingType === 4 || file.tensorNames.some((name) => name === 'cls.weight' || name === 'cls.output.weight');
  const isEmbedding = embeddingArchitectures.has(architecture) || typeof poolingType === 'number';
  const template = textValue(file, 'tokenizer.chat_template');
  const pairTemplate = textValue(file, 'tokenizer.chat_template.rerank');
  const hasSpacePrefix =
    native.getVocabularyType() === vocabularyType.sentencePiece &&
    file.values.get('tokenizer.ggml.add_space_prefix') !== false;
  const ends = sequenceEnds(native);

  /** Tokens of a stretch of a longer text. */
  function tokenizeStretch(text: string, special: boolean, isFirst: boolean): number[] {
    const tokens = [...native.tokenize(text, special)];
    // Such a vocabulary puts a space before each text it is given; inside a longer one it does not belong there.
    if (isFirst || !hasSpacePrefix || text.startsWith(' ') || tokens.length === 0) return tokens;
    return withoutSpacePrefix(text, special) ?? tokens;
  }

  function withoutSpacePrefix(text: string, special: boolean): number[] | undefined {
    // A line feed has a token of its own, which takes the space prefix with it.
    const marker = [...native.tokenize('\n', false)];
    const tokens = [...native.tokenize(`\n${text}`, special)];
    return marker.every((token, index) => tokens[index] === token) ? tokens.slice(marker.length) : undefined;
  }

  async function tokenizeChat(
    messages: Extract<TokenizeInput, { type: 'chat' }>['messages'],
  ): Promise<readonly number[]> {
    if (template === undefined) {
      throw new GemmaError({
        code: 'OPTION_UNSUPPORTED',
        message:
          'A conversation needs a chat template, and this model file has none: it is a base model. Send a completion.',
        facts: { capability: 'chat' },
      });
    }
    // The template engine is not needed to load a model or to complete a text.
    const { renderChat } = await import('./chat-template.ts');
    const tokenText = (token: number): string => (token < 0 ? '' : (native.getTokenString(token) ?? ''));
    const segments = renderChat(template, messages, {
      bos: tokenText(native.tokenBos()),
      eos: tokenText(native.tokenEos()),
    });
    return segments.flatMap(({ text, fromTemplate }, index) => tokenizeStretch(text, fromTemplate, index === 0));
  }

  return {
    native,
    architecture,
    trainContextTokens: native.getTrainContextSize(),
    windowTokens,
    needsCheckpoints: windowTokens !== null || hasRecurrentState,
    hasRecurrentState,
    hasChatTemplate: template !== undefined,
    pooling: isEmbedding && !isReranker ? (poolings[Number(poolingType ?? 1)] ?? 'mean') : null,
    isReranker,
    tokenBytes: createTokenBytes(native),

    async tokenize(input) {
      const tokens = input.type === 'text' ? native.tokenize(input.text, false) : await tokenizeChat(input.messages);
      const first = ends.first !== null && tokens[0] !== ends.first ? [ends.first] : [];
      // Of what is continued, the end is still open.
      const last = isEmbedding && ends.last !== null ? [ends.last] : [];
      return [...first, ...tokens, ...last];
    },

    tokenizePair(query, passage) {
      if (pairTemplate !== undefined) {
        const parts = pairTemplate.split(/(\{query\}|\{document\})/);
        const tokens = parts.flatMap((part, index) => {
          if (part === '{query}') return tokenizeStretch(query, false, index === 0);
          if (part === '{document}') return tokenizeStretch(passage, false, index === 0);
          return part === '' ? [] : tokenizeStretch(part, true, index === 0);
        });
        return tokens;
      }
      const question = native.tokenize(query, false);
      const text = native.tokenize(passage, false);
      const first = ends.first === null ? [] : [ends.first];
      const last = ends.last === null ? [] : [ends.last];
      const separator = ends.separator === null ? [] : [ends.separator];
      return [...first, ...question, ...last, ...separator, ...text, ...last];
    },
  };
}

/** Tokens that a vocabulary puts around a text, and between the two texts of a pair. */
function sequenceEnds(native: AddonModel): {
  readonly first: number | null;
  readonly last: number | null;
  readonly separator: number | null;
} {
  const orNull = (token: number): number | null => (token < 0 ? null : token);
  switch (native.getVocabularyType()) {
    case vocabularyType.wordPiece:
      return { first: orNull(native.tokenBos()), last: orNull(native.sepToken()), separator: null };
    case vocabularyType.unigram:
      return {
        first: native.shouldPrependBosToken() ? orNull(native.tokenBos()) : null,
        last: orNull(native.tokenEos()),
        separator: orNull(native.sepToken()),
      };
    default:
      return {
        first: native.shouldPrependBosToken() ? orNull(native.tokenBos()) : null,
        last: native.shouldAppendEosToken() ? orNull(native.tokenEos()) : null,
        separator: null,
      };
  }
}

function textValue(file: GgufMetadata, key: string): string | undefined {
  const value = file.values.get(key);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The error for a file that cannot be loaded, with the reason that llama.cpp or the file gave. */
export function loadFailed(path: string, reason: string, cause: unknown): GemmaError {
  return new GemmaError({
    code: 'ENGINE_LOAD_FAILED',
    message: `Loading ${path} failed: ${reason}. \`gemma doctor\` checks the file, the memory and the runtime.`,
    facts: { path, reason },
    cause,
  });
}
