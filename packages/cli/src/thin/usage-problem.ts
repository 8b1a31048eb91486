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

/**
 * The candidate that is fewest typing mistakes away from `name`, if at most a third of it is wrong. For the warm path alone,
 * which loads no package: everybody else takes `nearestNames` of the contracts. It is stricter, because a prompt of one
 * word is seldom a mistyped command.
 */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let distanceMin = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < distanceMin) [nearest, distanceMin] = [candidate, distance];
  }
  return nearest;
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
