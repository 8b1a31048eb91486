/** What is known when an answer is cut off in a process that cannot be told to stop. */
export interface CancelFacts {
  /** Tokens that the answer may still have. */
  readonly tokensLeft: number;
  /** What a token took so far. `null` = there was none yet. */
  readonly msPerToken: number | null;
  /** What loading the model took in this process. */
  readonly loadMs: number;
}

/**
 * How to end an answer that nobody wants any more. gemma.cpp goes on to its token limit and handles no signal, so there are
 * two ways: let it finish unheard and keep the loaded model, or kill it and load again. Draining is chosen when it is
 * expected to take no longer than loading, and is given up after the time that loading takes: so whatever was expected,
 * cancelling never costs more than twice the cheaper way.
 */
export function chooseCancel({ tokensLeft, msPerToken, loadMs }: CancelFacts): 'drain' | 'kill' {
  // Before the first token nobody knows how much of the prompt is left to evaluate.
  if (msPerToken === null) return 'kill';
  return tokensLeft * msPerToken <= loadMs ? 'drain' : 'kill';
}
