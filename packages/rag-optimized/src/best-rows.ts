/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below the size of the heap */
/** The best rows so far: a heap whose root is the worst of them. Equal scores by number, the lower first. */
export interface BestRows {
  /** 0 where there is room for any row; otherwise the score of the worst: a row below it cannot come in. Of scores above 0. */
  floor: number;
  /** Number of the worst: of rows that have its score, only one of a lower number comes in. */
  floorNumber: number;
  size: number;
  readonly limit: number;
  readonly scores: Float64Array;
  readonly numbers: Float64Array;
}

/** Room for so many. */
export function createBestRows(limit: number): BestRows {
  return {
    floor: 0,
    floorNumber: Infinity,
    size: 0,
    limit,
    scores: new Float64Array(limit),
    numbers: new Float64Array(limit),
  };
}

/** Forgets all rows. */
export function emptyBestRows(best: BestRows): void {
  best.floor = 0;
  best.floorNumber = Infinity;
  best.size = 0;
}

/** Takes a row in, if it is among the best. */
export function offerRow(best: BestRows, score: number, number: number): void {
  if (best.size < best.limit) {
    siftUp(best, best.size++, score, number);
    if (best.size < best.limit) return;
  } else {
    if (score < best.floor || (score === best.floor && number > best.floorNumber)) return;
    siftDown(best, score, number);
  }
  best.floor = best.scores[0]!;
  best.floorNumber = best.numbers[0]!;
}

/** The best first. */
export function rowsInOrder({
  size,
  scores,
  numbers,
}: BestRows): { readonly number: number; readonly score: number }[] {
  const rows: { readonly number: number; readonly score: number }[] = [];
  for (let index = 0; index < size; index++) rows.push({ number: numbers[index]!, score: scores[index]! });
  return rows.toSorted((one, other) => other.score - one.score || one.number - other.number);
}

function siftUp({ scores, numbers }: BestRows, from: number, score: number, number: number): void {
  let at = from;
  while (at > 0) {
    const parent = (at - 1) >>> 1;
    if (scores[parent]! < score || (scores[parent] === score && numbers[parent]! > number)) break;
    scores[at] = scores[parent]!;
    numbers[at] = numbers[parent]!;
    at = parent;
  }
  scores[at] = score;
  numbers[at] = number;
}

function siftDown({ scores, numbers, size }: BestRows, score: number, number: number): void {
  let at = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child >= size) break;
    const right = child + 1;
    if (
      right < size &&
      (scores[right]! < scores[child]! || (scores[right] === scores[child] && numbers[right]! > numbers[child]!))
    )
      child = right;
    if (scores[child]! > score || (scores[child] === score && numbers[child]! < number)) break;
    scores[at] = scores[child]!;
    numbers[at] = numbers[child]!;
    at = child;
  }
  scores[at] = score;
  numbers[at] = number;
}
