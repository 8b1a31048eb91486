import { GemmaError } from '@gemma-cli/contracts';
import type { Embedder } from '@gemma-cli/contracts';

/** An embedder for tests: knows which words mean the same, and tells what it was asked. */
export interface ToyEmbedder extends Embedder {
  /** The texts of each call so far. */
  readonly calls: readonly (readonly string[])[];
  /** Lets calls for passages wait until {@link release}. */
  hold(): void;
  release(): void;
  /** Calls for passages fail with this, until it is `null`. */
  fail(error: Error | null): void;
}

/** What {@link createToyEmbedder} takes. */
export interface ToyEmbedderOptions {
  /** Default `toy`. */
  readonly embedId?: string;
  /** Default 64. */
  readonly dimensions?: number;
}

/** Words that mean the same. */
const synonyms: Readonly<Record<string, string>> = {
  automobile: 'car',
  vehicle: 'car',
  physician: 'doctor',
  sofa: 'couch',
};

/** Each word points in a direction of its own, by its hash; a text where its words point together. */
export function createToyEmbedder({ embedId = 'toy', dimensions = 64 }: ToyEmbedderOptions = {}): ToyEmbedder {
  const calls: (readonly string[])[] = [];
  let gate: Promise<void> | null = null;
  let open = (): void => undefined;
  let failure: Error | null = null;

  function vectorOf(text: string): Float32Array {
    const sums = new Float64Array(dimensions);
    const add = (direction: number, weight: number): void => {
      sums[direction % dimensions] = (sums[direction % dimensions] ?? 0) + weight;
    };
    for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']) {
      const hash = hashOf(synonyms[word] ?? word);
      add(hash, 1);
      // A second direction keeps two words that share the first one apart.
      add(hash >>> 12, 0.5);
    }
    const length = Math.hypot(...sums);
    return Float32Array.from(sums, (value) => value / length);
  }

  async function close(): Promise<void> {
    open();
  }

  return {
    embedId,
    dimensions,
    calls,
    hold() {
      gate = new Promise((resolve) => {
        open = resolve;
      });
    },
    release() {
      gate = null;
      open();
    },
    fail(error) {
      failure = error;
    },
    async embed(texts, { kind = 'document', signal } = {}) {
      calls.push([...texts]);
      if (kind === 'document') {
        if (failure !== null) throw failure;
        if (gate !== null) await Promise.race([gate, abortOf(signal)]);
      }
      if (signal?.aborted === true) throw new GemmaError({ code: 'ABORTED', message: 'The embedding was aborted.' });
      return texts.map(vectorOf);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function abortOf(signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    signal?.addEventListener('abort', () => {
      resolve();
    });
  });
}

/** FNV-1a. */
function hashOf(word: string): number {
  let hash = 0x81_1c_9d_c5;
  for (const byte of Buffer.from(word)) hash = Math.imul(hash ^ byte, 0x01_00_01_93) >>> 0;
  return hash;
}
