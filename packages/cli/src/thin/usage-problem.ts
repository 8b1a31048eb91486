/**
 * A command line that cannot be understood. A plain class, not a `GemmaError`: the warm path does not load the error
 * table. Whoever renders it makes it a `USAGE` error.
 */
export class UsageProblem extends Error {
  override readonly name = 'UsageProblem';
  /** What the message speaks of. */
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(message: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.facts = facts;
  }
}
