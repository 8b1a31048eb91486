import type { WorkerLogprob, WorkerOperations } from '@gemma-cli/contracts/worker-protocol';
import { abortedError } from '../errors.ts';
import type { BatchFacts, BatchJob, BatchScheduler } from './batch-scheduler.ts';
import type { SequenceState } from './sequence-state.ts';
import { draftTokensMax } from './speculation.ts';
import type { Drafter } from './speculation.ts';
import type { TokenBytes } from './token-bytes.ts';

/** A sampled token as the engine hears of it. */
export interface SampledPiece {
  readonly token: number;
  readonly text: string;
  readonly facts: BatchFacts | null;
  readonly logprobs: readonly [WorkerLogprob, ...WorkerLogprob[]] | undefined;
}

const noOutputs = new Uint32Array(0);

/**
 * Appends tokens to a sequence.
 *
 * @throws GemmaError `ABORTED` between two batches.
 */
export function evaluateOn(
  scheduler: BatchScheduler,
  sequence: SequenceState,
  { tokens, alone }: Pick<WorkerOperations['evaluate']['params'], 'tokens' | 'alone'>,
  signal: AbortSignal,
): Promise<WorkerOperations['evaluate']['result']> {
  return new Promise((resolve, reject) => {
    let done = 0;
    let taken = 0;
    let ms = 0;
    let batchTokens = 0;
    scheduler.add({
      sequence: sequence.index,
      alone,
      phase: 'prompt',
      get isAborted() {
        return signal.aborted;
      },
      nextPart(room) {
        if (signal.aborted) throw abortedError('The evaluation was aborted.');
        if (done === tokens.length) return null;
        taken = Math.min(room, tokens.length - done);
        return {
          position: sequence.tokens.length,
          tokens: Uint32Array.from(tokens.slice(done, done + taken)),
          outputs: noOutputs,
        };
      },
      computed() {
        append(sequence, tokens.slice(done, done + taken));
        done += taken;
        return Promise.resolve();
      },
      report(facts) {
        ms += facts.ms;
        batchTokens += facts.tokens;
      },
      over() {
        resolve({ length: sequence.tokens.length, ms, batchTokens });
      },
      failed: reject,
    });
  });
}

/** What a `generate` call needs besides its parameters. */
export interface GenerateParts {
  readonly tokens: readonly number[];
  readonly maxTokens: number;
  readonly alone: boolean;
  /** Tokens that the sequence has room for. */
  readonly contextTokens: number;
  /** Draws the next token at an output of the last batch. */
  readonly sample: (output: number) => Promise<number>;
  readonly isEnd: (token: number) => boolean;
  readonly readLogprobs: ((output: number, token: number) => Promise<[WorkerLogprob, ...WorkerLogprob[]]>) | null;
  readonly drafter: Drafter | null;
  /** Takes guesses that were not taken off the native sequence again. */
  readonly discard: (position: number) => void;
  readonly tokenBytes: TokenBytes;
  readonly onPiece: (piece: SampledPiece) => void;
}

/** Appends tokens to a sequence and samples on from there. */
export function generateOn(
  scheduler: BatchScheduler,
  sequence: SequenceState,
  parts: GenerateParts,
  signal: AbortSignal,
): Promise<WorkerOperations['generate']['result']> {
  return new Promise((resolve, reject) => {
    scheduler.add(new GenerateJob(sequence, parts, signal, resolve, reject));
  });
}

type Result = WorkerOperations['generate']['result'];

class GenerateJob implements BatchJob {
  readonly sequence: number;
  readonly alone: boolean;
  phase: 'prompt' | 'decode' = 'prompt';
  readonly #state: SequenceState;
  readonly #parts: GenerateParts;
  readonly #signal: AbortSignal;
  readonly #resolve: (result: Result) => void;
  readonly #text = new TextDecoder('utf-8', { ignoreBOM: true });
  /** Of the prompt, tokens already computed. */
  #promptDone = 0;
  /** What the batch under way holds: of the prompt, or the token sampled last and the guesses after it. */
  #underWay: readonly number[] = [];
  #next: number | undefined;
  #guesses: readonly number[] = [];
  #sampled: { readonly token: number; readonly logprobs: SampledPiece['logprobs'] }[] = [];
  #count = 0;
  #drafted = 0;
  #accepted = 0;
  #reason: Result['reason'] | undefined;
  readonly failed: (error: unknown) => void;

  constructor(
    state: SequenceState,
    parts: GenerateParts,
    signal: AbortSignal,
    resolve: (result: Result) => void,
    reject: (error: unknown) => void,
  ) {
    this.sequence = state.index;
    this.alone = parts.alone;
    this.failed = reject;
    this.#state = state;
    this.#parts = parts;
    this.#signal = signal;
    this.#resolve = resolve;
  }

  get isAborted(): boolean {
    return this.#signal.aborted;
  }

  nextPart(room: number): ReturnType<BatchJob['nextPart']> {
    if (this.#signal.aborted) this.#reason ??= 'aborted';
    if (this.#reason !== undefined) return null;
    const position = this.#state.tokens.length;
    if (this.#next === undefined) {
      const { tokens } = this.#parts;
      const taken = Math.min(room, tokens.length - this.#promptDone);
      this.#underWay = tokens.slice(this.#promptDone, this.#promptDone + taken);
      const isLast = this.#promptDone + taken === tokens.length;
      return {
        position,
        tokens: Uint32Array.from(this.#underWay),
        outputs: isLast ? Uint32Array.of(taken - 1) : noOutputs,
      };
    }
    this.#guesses = this.#guesses.slice(0, room - 1);
    this.#drafted += this.#guesses.length;
    this.#underWay = [this.#next, ...this.#guesses];
    return {
      position,
      tokens: Uint32Array.from(this.#underWay),
      outputs: Uint32Array.from(this.#underWay, (_, index) => index),
    };
  }

  async computed(outputs: Uint32Array): Promise<void> {
    const start = this.#state.tokens.length;
    if (this.#next === undefined) {
      append(this.#state, this.#underWay);
      this.#promptDone += this.#underWay.length;
      const output = outputs[0];
      if (output === undefined) return;
      this.phase = 'decode';
      await this.#draw(output);
    } else {
      // Each guess was computed as if it were right. The sampler draws as if there had been none; its first draw that
      // differs ends what is true of the batch, so the text is the one that would have come without guesses.
      try {
        for (const [index, output] of outputs.entries()) {
          append(this.#state, [this.#underWay[index] as number]);
          if (index > 0) this.#accepted += 1;
          await this.#draw(output);
          if (this.#reason !== undefined || this.#next !== this.#underWay[index + 1]) break;
        }
      } finally {
        if (this.#state.tokens.length < start + this.#underWay.length) this.#parts.discard(this.#state.tokens.length);
      }
    }
    await this.#guess();
  }

  async #draw(output: number): Promise<void> {
    const { sample, isEnd, readLogprobs, maxTokens, contextTokens } = this.#parts;
    const token = await sample(output);
    if (token < 0 || isEnd(token)) {
      this.#reason = 'stop';
      return;
    }
    this.#sampled.push({ token, logprobs: await readLogprobs?.(output, token) });
    this.#count += 1;
    this.#next = token;
    if (this.#count >= maxTokens || this.#state.tokens.length >= contextTokens) this.#reason = 'length';
  }

  async #guess(): Promise<void> {
    this.#guesses = [];
    const { drafter, maxTokens, contextTokens } = this.#parts;
    if (drafter === null || this.#reason !== undefined || this.#next === undefined || this.#signal.aborted) return;
    const { tokens } = this.#state;
    const most = Math.min(draftTokensMax, maxTokens - this.#count - 1, contextTokens - tokens.length - 1);
    if (most > 0) this.#guesses = await drafter.draft([...tokens, this.#next], most);
  }

  report(facts: BatchFacts): void {
    const sampled = this.#sampled;
    this.#sampled = [];
    for (const { token, logprobs } of sampled) {
      const text = this.#text.decode(this.#parts.tokenBytes(token), { stream: true });
      this.#parts.onPiece({ token, text, facts, logprobs });
    }
  }

  over(): void {
    const reason = this.#reason ?? 'stop';
    // A character that our limit cut is left out; one that the model itself left unfinished is shown as U+FFFD.
    const rest = reason === 'stop' ? this.#text.decode() : '';
    if (rest !== '') this.#parts.onPiece({ token: -1, text: rest, facts: null, logprobs: undefined });
    this.#resolve({
      reason,
      length: this.#state.tokens.length,
      draftedTokens: this.#drafted,
      acceptedTokens: this.#accepted,
    });
  }
}

/** Appends without spreading a long list over the stack. */
function append(sequence: SequenceState, tokens: readonly number[]): void {
  for (const token of tokens) sequence.tokens.push(token);
}
