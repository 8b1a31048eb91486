/** Runs the calls of one sequence in the order they came, and calls of different sequences side by side. */
export interface CallOrder {
  /**
   * Runs `work` after every earlier call of its sequences, or at once when it is aborted: what waits behind a slow call
   * need not wait to be refused. Later calls still wait for the earlier ones. `work` must not reject.
   */
  run(sequences: readonly number[], signal: AbortSignal, work: () => Promise<void>): Promise<void>;
}

/** Makes an order with nothing in it. */
export function createCallOrder(): CallOrder {
  /** The end of the last call of each sequence. */
  const ends = new Map<number, Promise<unknown>>();
  return {
    run(sequences, signal, work) {
      const before = Promise.all(sequences.map((sequence) => ends.get(sequence) ?? Promise.resolve()));
      const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      const done = Promise.race([before, aborted]).then(work);
      const end = Promise.all([before, done]);
      for (const sequence of sequences) ends.set(sequence, end);
      return done;
    },
  };
}
