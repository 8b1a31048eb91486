import type { ResolvedSampling, TokenizeInput, WorkerLogprob } from '@gemma-cli/contracts/worker-protocol';

/** Tokens of the scripted model that are no text. A byte `b` of text is the token `firstByteToken + b`. */
export const scriptedTokens = {
  begin: 1,
  endOfTurn: 2,
  system: 3,
  user: 4,
  assistant: 5,
  tool: 6,
  firstByte: 16,
  /** Tokens of a scripted answer that is given as pieces, which may be longer than a byte. */
  firstPiece: 1_000,
} as const;

/** What a sequence remembers: its tokens, and a running hash that depends on every one of them. */
export interface ScriptedSequence {
  readonly tokens: number[];
  /** `hashes[i]` covers the tokens 0..i. */
  readonly hashes: number[];
}

/** An empty sequence. */
export function openScriptedSequence(): ScriptedSequence {
  return { tokens: [], hashes: [] };
}

/**
 * Appends tokens as one batch.
 *
 * A real runtime computes slightly different numbers for another batch shape. Given the tokens of the whole batch, those
 * of other sequences included, the hash covers each token's place in it too, so that an answer changes whenever the
 * schedule of chunks does.
 */
export function appendBatch(
  sequence: ScriptedSequence,
  batch: readonly number[],
  sensitiveToBatchTokens: number | null,
): void {
  const start = sequence.tokens.length;
  for (const token of batch) {
    let hash = mix(Math.imul(sequence.hashes.at(-1) ?? 0x811c9dc5, 16_777_619) ^ token);
    if (sensitiveToBatchTokens !== null)
      hash = mix(hash ^ Math.imul(start, 31) ^ Math.imul(sensitiveToBatchTokens, 65_537));
    sequence.tokens.push(token);
    sequence.hashes.push(hash);
  }
}

/** Cuts a sequence to at most its first `length` tokens. */
export function cutSequence(sequence: ScriptedSequence, length: number): void {
  if (sequence.tokens.length <= length) return;
  sequence.tokens.length = length;
  sequence.hashes.length = length;
}

/** Tokens of an input: one per UTF-8 byte, a begin token, and role tokens that no text can contain. */
export function tokenizeScripted(input: TokenizeInput): number[] {
  if (input.type === 'text') return [scriptedTokens.begin, ...byteTokens(input.text)];
  return [
    scriptedTokens.begin,
    ...input.messages.flatMap(({ role, content, toolCalls = [] }) => [
      scriptedTokens[role],
      ...byteTokens(content),
      ...toolCalls.flatMap(({ name, arguments: given }) => byteTokens(`${name}(${given})`)),
      scriptedTokens.endOfTurn,
    ]),
    scriptedTokens.assistant,
  ];
}

/** Tokens of bare text, without a begin token. */
function byteTokens(text: string): number[] {
  return Array.from(new TextEncoder().encode(text), (byte) => scriptedTokens.firstByte + byte);
}

/** Tokens as readable text: role tokens as `<|user|>`, bytes as UTF-8. For journals and assertions, not reversible. */
export function renderScriptedTokens(tokens: readonly number[]): string {
  const names = new Map<number, string>([
    [scriptedTokens.begin, '<|begin|>'],
    [scriptedTokens.endOfTurn, '<|end|>'],
    [scriptedTokens.system, '<|system|>'],
    [scriptedTokens.user, '<|user|>'],
    [scriptedTokens.assistant, '<|assistant|>'],
    [scriptedTokens.tool, '<|tool|>'],
  ]);
  const encoder = new TextEncoder();
  const bytes: number[] = [];
  for (const token of tokens) {
    const byte = byteOfToken(token);
    if (byte === null) bytes.push(...encoder.encode(names.get(token) ?? `<|${token}|>`));
    else bytes.push(byte);
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/**
 * The token that the scripted model says next: a function of every token before it and of the seed, and of nothing else.
 * So an answer built on a wrong prefix differs, and an answer may be computed in any number of calls.
 */
export function nextScriptedToken(
  sequence: ScriptedSequence,
  sampling: Pick<ResolvedSampling, 'temperature' | 'seed'>,
): number {
  const { tokens, hashes } = sequence;
  const begun = bytesOfBegunCharacter(tokens);
  const hashBefore = hashes[tokens.length - begun.length - 1] ?? 0;
  // Greedy choices do not depend on the seed.
  const choice = mix(hashBefore ^ (sampling.temperature === 0 ? 0x5bd1e995 : mix(sampling.seed + 1)));
  if (begun.length === 0 && tokens.at(-1) !== scriptedTokens.assistant && choice % 24 === 0)
    return scriptedTokens.endOfTurn;
  const character = alphabet[(choice >>> 8) % alphabet.length] ?? [0x2e];
  return scriptedTokens.firstByte + (character[begun.length] ?? 0x80);
}

/** What the model says to a prompt, without any engine: the oracle of the suites. A character cut by the limit is left out. */
export function scriptedAnswer(
  input: TokenizeInput,
  sampling: Pick<ResolvedSampling, 'temperature' | 'seed'>,
  maxTokens: number,
): { readonly text: string; readonly tokens: number; readonly reason: 'stop' | 'length' } {
  const sequence = openScriptedSequence();
  appendBatch(sequence, tokenizeScripted(input), null);
  const bytes: number[] = [];
  let reason: 'stop' | 'length' = 'length';
  while (bytes.length < maxTokens) {
    const token = nextScriptedToken(sequence, sampling);
    if (token === scriptedTokens.endOfTurn) {
      reason = 'stop';
      break;
    }
    bytes.push(token - scriptedTokens.firstByte);
    appendBatch(sequence, [token], null);
  }
  return { text: new TextDecoder().decode(Uint8Array.from(bytes), { stream: true }), tokens: bytes.length, reason };
}

/**
 * The vector of a text, not normalised: a function of every token, the same for the same tokens. Of no tokens: zeros,
 * which no one can normalise.
 */
export function scriptedVector(tokens: readonly number[], dimensions: number): Float32Array {
  const sequence = openScriptedSequence();
  appendBatch(sequence, tokens, null);
  const hash = sequence.hashes.at(-1);
  if (hash === undefined) return new Float32Array(dimensions);
  return Float32Array.from({ length: dimensions }, (_, place) => mix(hash + place + 1) / 2 ** 30 - 2);
}

/** The raw score of a passage: one more for each word of the question that it has. */
export function scriptedScore(query: string, passage: string): number {
  const words = new Set(passage.toLowerCase().split(/\W+/u));
  return (
    new Set(
      query
        .toLowerCase()
        .split(/\W+/u)
        .filter((word) => words.has(word) && word !== ''),
    ).size - 1
  );
}

/**
 * The log-probabilities told for a piece: its own, then those of the `count` likeliest tokens in its place, of which it is
 * the first.
 */
export function scriptedLogprobs(piece: Uint8Array, count: number): [WorkerLogprob, ...WorkerLogprob[]] {
  const own = { bytes: Buffer.from(piece).toString('base64'), logprob: -0.25 };
  const others = Array.from({ length: Math.max(0, count - 1) }, (_, place) => ({
    bytes: Buffer.from(String.fromCodePoint(0x41 + place)).toString('base64'),
    logprob: -0.75 - place * 0.5,
  }));
  return count === 0 ? [own] : [own, own, ...others];
}

/** The byte of a text token, or `null` for any other. */
export function byteOfToken(token: number): number | null {
  const byte = token - scriptedTokens.firstByte;
  return byte >= 0 && byte <= 255 ? byte : null;
}

/** Characters of one to four bytes; the emoji share their first UTF-16 unit, so a cut between units shows. */
const alphabet: readonly (readonly number[])[] = [
  ...Array.from('abcdefghijklmnopqrstuvwxyz      ..,', (character) => new TextEncoder().encode(character)),
  ...Array.from('éß漢語😀😁👍', (character) => new TextEncoder().encode(character)),
].map((bytes) => [...bytes]);

/** Bytes of a UTF-8 character at the end of the tokens that is not complete yet. */
function bytesOfBegunCharacter(tokens: readonly number[]): readonly number[] {
  const bytes: number[] = [];
  for (let index = tokens.length - 1; index >= 0 && bytes.length < 4; index -= 1) {
    const byte = byteOfToken(tokens[index] ?? 0);
    if (byte === null || byte < 0x80) return [];
    bytes.unshift(byte);
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return bytes.length < length ? bytes : [];
    }
  }
  return [];
}

/** Spreads every bit of a 32-bit number over all others (the finalizer of MurmurHash3). */
function mix(value: number): number {
  let hash = value >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
