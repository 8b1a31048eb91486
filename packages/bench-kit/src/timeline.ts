/** The course of a number while one process ran. */
export interface Timeline {
  readonly name: string;
  readonly unit: string;
  /** Milliseconds between two values. */
  readonly stepMs: number;
  readonly values: readonly number[];
  /** What happened meanwhile, in order: milliseconds since the first value, and a few words. */
  readonly marks: readonly { readonly atMs: number; readonly text: string }[];
}

/** A timeline out of a report. `null` when it is none. */
export function readTimeline(value: unknown): Timeline | null {
  if (typeof value !== 'object' || value === null) return null;
  const { name, unit, stepMs, values, marks } = value as Partial<Timeline>;
  const sound =
    typeof name === 'string' &&
    typeof unit === 'string' &&
    typeof stepMs === 'number' &&
    stepMs > 0 &&
    Array.isArray(values) &&
    values.every((item) => Number.isFinite(item)) &&
    Array.isArray(marks) &&
    marks.every((mark) => Number.isFinite(mark.atMs) && typeof mark.text === 'string');
  return sound ? { name, unit, stepMs, values, marks } : null;
}

/** A timeline as a line of text: its values, with what happened between them in brackets. */
export function drawTimeline({ stepMs, values, marks }: Timeline): string {
  const words: string[] = [];
  let next = 0;
  for (const [step, value] of values.entries()) {
    for (; next < marks.length && (marks[next]?.atMs ?? 0) < (step + 1) * stepMs; next += 1) {
      words.push(`[${marks[next]?.text}]`);
    }
    words.push(String(value >= 10 ? Math.round(value) : Number(value.toFixed(1))));
  }
  return [...words, ...marks.slice(next).map(({ text }) => `[${text}]`)].join(' ');
}
