/** One side's words of a turn. */
export interface Utterance {
  readonly writer: 'user' | 'model';
  readonly text: string;
}

/** What `createApp` needs of a memory to keep what is said in conversations. */
export interface ConversationMemory {
  /** Keeps what was said, all of it or nothing. Gives the ids of its rows. */
  add(session: string, said: readonly Utterance[]): Promise<readonly string[]>;
  /** Forgets rows for good. Tells how many went. */
  forget(ids: readonly string[]): Promise<number>;
  close(): Promise<void>;
}
