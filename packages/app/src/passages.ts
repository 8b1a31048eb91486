import type { RowKind } from '@gemma-cli/contracts';

/** Whether an answer uses what is remembered: where it is relevant, always, never. */
export type RagMode = 'auto' | 'on' | 'off';

/** A passage that stands before a question. */
export interface Passage {
  /** Its number in the prompt, from 1. */
  readonly n: number;
  /** Of the row in the memory. */
  readonly id: string;
  readonly kind: RowKind;
  /** Where it was read; `memory:ID` for what was said. */
  readonly uri: string;
  /** SHA-256 of its source when it was read. `null` for what was said. */
  readonly hash: string | null;
  /** Where it stands in the text of its source, in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
  readonly title: string | null;
  readonly text: string;
  /** The conversation in which its user said it. Absent where it was read, or noted. */
  readonly session?: string;
}

/** A sentence of an answer, or a part of one that takes several, and the span of a passage that overlaps with it most. */
export interface Citation {
  /** Number of the sentence's citation, from 1, in the order of the answer. */
  readonly n: number;
  readonly sentence: string;
  /** The row that the quote is from. `null`, like the four below, when no passage has a word of the sentence. */
  readonly id: string | null;
  readonly uri: string | null;
  /** Where the quote stands in the text of its source, in UTF-16 code units. */
  readonly start: number | null;
  readonly end: number | null;
  readonly quote: string | null;
  /**
   * The quote occurs in the source's bytes, and bears the sentence out as far as words can tell: at least 60 % of its content
   * terms occur in the quote, with every number and name; neither text denies what the other one says, nor exchanges who does what to whom.
   */
  readonly checked: boolean;
  /** Who made the citation: here always the program, after the answer. */
  readonly producedBy: 'attached';
  /** The source has changed since it was read, or is gone. */
  readonly stale: boolean;
}

/** What `createApp` needs of a memory to answer from it. */
export interface Retrieval {
  /** Passages for a question; none where nothing is relevant. */
  passages(question: string, options: RetrievalOptions): Promise<readonly Passage[]>;
  /** The text that stands before the question: the passages as data. */
  render(passages: readonly Passage[], mode: 'chat' | 'completion'): string;
  /** Citations of an answer. */
  cite(answer: string, passages: readonly Passage[], question: string): Promise<readonly Citation[]>;
  close(): Promise<void>;
}

/** How passages are looked for. */
export interface RetrievalOptions {
  readonly mode: Exclude<RagMode, 'off'>;
  /** Most tokens of all passages, estimated. Default: the app's. */
  readonly tokensMax?: number | undefined;
  /** The conversation in which it is asked: what was said there stands in the prompt already. Default: none. */
  readonly session?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}
