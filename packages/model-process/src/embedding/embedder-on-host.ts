import { createHash } from 'node:crypto';
import { GemmaError } from '@gemma-cli/contracts';
import type { EmbedOptions, Embedder, EmbedderOptions } from '@gemma-cli/contracts';
import { invalidOption } from '../errors.ts';
import { blankText, checkTexts } from './check-texts.ts';
import { embeddingFamilyOf } from './embedding-families.ts';
import type { EmbeddingFamily } from './embedding-families.ts';
import { soundVector } from './sound-vector.ts';
import { vectorCalls } from './vector-calls.ts';
import { modelName } from './vector-host.ts';
import type { VectorHost, VectorModel } from './vector-host.ts';
import { wrongModel } from './wrong-model.ts';

/** Raised when the same model, text and options give another vector than before. */
const embedVersion = 1;

/** Texts and tokens of one call to the model process: bounds how long an abort waits, and the size of a message. */
const batchTextsMax = 32;
const batchTokensMax = 2048;

/** Texts that are tokenized side by side: enough to keep the channel full. */
const tokenizeAtOnce = 8;

/** What an embedder found out of its model when it was made. */
interface EmbeddingFacts {
  readonly embedId: string;
  readonly modelDimensions: number;
  readonly dimensions: number;
  readonly prefixes: Readonly<Record<'query' | 'document', string>>;
  readonly contextTokens: number;
  /** Special tokens that the model wants before and after every text. */
  readonly frame: { readonly before: number; readonly after: number };
}

/**
 * Makes an embedder of a host. The model is loaded once to learn what it is, so that a wrong one is refused here.
 *
 * @throws GemmaError `OPTION_UNSUPPORTED` when the model is no embedding model or cannot be cut to `dimensions`;
 *   `REQUEST_INVALID`; what loading can throw.
 */
export async function embedderOnHost(host: VectorHost, options: EmbedderOptions): Promise<Embedder> {
  const calls = vectorCalls(host, 'embedder');
  let facts: EmbeddingFacts;
  try {
    facts = await calls.run(undefined, (lent, stop) => learn(lent, options, stop));
  } catch (error) {
    await calls.close();
    throw error;
  }

  return {
    embedId: facts.embedId,
    dimensions: facts.dimensions,
    async embed(texts, { kind = 'document', truncate = false, signal } = {}) {
      if (!Array.isArray(texts)) throw invalidOption('texts', 'an array of texts', texts);
      if (kind !== 'query' && kind !== 'document') throw invalidOption('kind', "'query' or 'document'", kind);
      checkTexts(texts, 'text');
      if (texts.length === 0) return [];
      return calls.run(signal, (lent, stop) => embedTexts(lent, facts, texts, { kind, truncate, signal: stop }));
    },
    close: () => calls.close(),
    [Symbol.asyncDispose]: () => calls.close(),
  };
}

/** Looks at the loaded model and at what was asked of it. */
async function learn(
  { process, model, fingerprint }: VectorModel,
  options: EmbedderOptions,
  signal: AbortSignal,
): Promise<EmbeddingFacts> {
  const { embedding, architecture, contextTokens } = model;
  const name = modelName(options.model);
  if (embedding === null || !model.capabilities.embeddings) {
    throw wrongModel('embed', { name, architecture });
  }
  const family = embeddingFamilyOf(architecture, [name, options.model.path.split(/[\\/]/).at(-1) ?? '']);
  const dimensions = checkDimensions(options.dimensions, embedding.dimensions, family, name);
  const prefixes = {
    query: options.queryPrefix ?? family.queryPrefix,
    document: options.documentPrefix ?? family.documentPrefix,
  };
  return {
    embedId: [
      `embed-${embedVersion}`,
      architecture,
      fingerprint,
      embedding.pooling,
      dimensions,
      prefixId(prefixes),
    ].join(':'),
    modelDimensions: embedding.dimensions,
    dimensions,
    prefixes,
    contextTokens,
    frame: await frameOf(process, signal),
  };
}

/**
 * How many tokens the model wants around every text: what two texts of different single letters share at both ends.
 */
async function frameOf(process: VectorModel['process'], signal: AbortSignal): Promise<EmbeddingFacts['frame']> {
  const [first, second] = await Promise.all(
    ['a', 'b'].map(
      async (text) => (await process.call('tokenize', { input: { type: 'text', text } }, { signal })).tokens,
    ),
  );
  if (first === undefined || second === undefined) return { before: 0, after: 0 };
  const shortest = Math.min(first.length, second.length);
  let before = 0;
  while (before < shortest && first[before] === second[before]) before += 1;
  let after = 0;
  while (after < shortest - before && first.at(-1 - after) === second.at(-1 - after)) after += 1;
  return { before, after };
}

function checkDimensions(
  asked: number | undefined,
  own: number,
  { name: familyName, shorterDimensions }: EmbeddingFamily,
  name: string,
): number {
  if (asked === undefined || asked === own) return own;
  if (!Number.isInteger(asked) || asked < 1 || asked > own) {
    throw invalidOption('dimensions', `a whole number from 1 to ${own}, the length of this model's vectors`, asked);
  }
  if (!shorterDimensions.includes(asked)) {
    const may =
      shorterDimensions.length === 0
        ? `${name} was not trained to have its vectors cut`
        : `vectors of ${familyName} may be cut to ${shorterDimensions.join(', ')}`;
    throw new GemmaError({
      code: 'OPTION_UNSUPPORTED',
      message: `Expected dimensions that the model was trained for, got ${asked}: ${may}. Leave dimensions out for all ${own}.`,
      facts: { option: 'dimensions', asked, own, shorterDimensions },
    });
  }
  return asked;
}

/** Short and the same for the same prefixes; the prefixes themselves may be long and hold any character. */
function prefixId(prefixes: EmbeddingFacts['prefixes']): string {
  if (prefixes.query === '' && prefixes.document === '') return 'plain';
  const text = JSON.stringify([prefixes.query, prefixes.document]);
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

async function embedTexts(
  { process }: VectorModel,
  facts: EmbeddingFacts,
  texts: readonly string[],
  { kind, truncate, signal }: Required<Omit<EmbedOptions, 'signal'>> & { readonly signal: AbortSignal },
): Promise<readonly Float32Array[]> {
  // Every text is looked at before the first is computed: a refusal at the end of an hour would be a waste.
  const inputs: (readonly number[])[] = [];
  for (let start = 0; start < texts.length; start += tokenizeAtOnce) {
    const group = texts.slice(start, start + tokenizeAtOnce).map(async (text, offset) => {
      const input = { type: 'text', text: facts.prefixes[kind] + text } as const;
      const { tokens } = await process.call('tokenize', { input }, { signal });
      return fitTokens(tokens, { index: start + offset, hasPrefix: facts.prefixes[kind] !== '', facts, truncate });
    });
    inputs.push(...(await Promise.all(group)));
  }
  const vectors: Float32Array[] = [];
  for (const batch of batchesOf(inputs)) {
    const { vectors: raw } = await process.call('embed', { inputs: batch }, { signal });
    if (raw.length !== batch.length) {
      throw new GemmaError({
        code: 'ENGINE_PROTOCOL',
        message: `Expected ${batch.length} vectors of the model process, and got ${raw.length}.`,
      });
    }
    for (const vector of raw) {
      vectors.push(
        soundVector(vector, {
          modelDimensions: facts.modelDimensions,
          dimensions: facts.dimensions,
          index: vectors.length,
        }),
      );
    }
  }
  return vectors;
}

/** Tokens that fit the context: all of them, or cut before the special tokens at the end. */
function fitTokens(
  tokens: readonly number[],
  {
    index,
    hasPrefix,
    facts: { contextTokens, frame },
    truncate,
  }: {
    readonly index: number;
    readonly hasPrefix: boolean;
    readonly facts: EmbeddingFacts;
    readonly truncate: boolean;
  },
): readonly number[] {
  // Characters that the tokenizer drops leave nothing but its special tokens: the same vector for every such text.
  if (!hasPrefix && tokens.length <= frame.before + frame.after) throw blankText('text', index);
  if (tokens.length <= contextTokens) return tokens;
  if (!truncate) {
    throw new GemmaError({
      code: 'CONTEXT_EXCEEDED',
      message: `Expected texts of at most ${contextTokens} tokens, got ${tokens.length} in text ${index}. Cut it into passages, or ask for its beginning with truncate.`,
      facts: { index, promptTokens: tokens.length, contextTokens },
    });
  }
  return [...tokens.slice(0, contextTokens - frame.after), ...tokens.slice(tokens.length - frame.after, tokens.length)];
}

/** Inputs in their order, in batches that are bounded in texts and tokens. A longer text is a batch of its own. */
function* batchesOf(inputs: readonly (readonly number[])[]): Generator<readonly (readonly number[])[]> {
  let batch: (readonly number[])[] = [];
  let tokens = 0;
  for (const input of inputs) {
    if (batch.length > 0 && (batch.length === batchTextsMax || tokens + input.length > batchTokensMax)) {
      yield batch;
      batch = [];
      tokens = 0;
    }
    batch.push(input);
    tokens += input.length;
  }
  if (batch.length > 0) yield batch;
}
