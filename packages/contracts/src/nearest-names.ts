/**
 * The candidates that are most like `name`, best first: at most `namesMax`, and none of which more than two fifths, or two
 * characters, would have to change, though never all of it. Letter case, `-` and `_` are the same. For the "did you mean" of an error.
 */
export function nearestNames(name: string, candidates: readonly string[], namesMax = 3): readonly string[] {
  // A name from a hostile file may be a megabyte; the distance is quadratic.
  const wanted = fold(name.slice(0, 200));
  return candidates
    .map((candidate) => ({ candidate, distance: editDistance(wanted, fold(candidate)) }))
    .filter(({ candidate, distance }) => {
      const isNear = distance <= Math.max(2, Math.floor(candidate.length * 0.4));
      return isNear && distance < Math.max(wanted.length, candidate.length);
    })
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, namesMax)
    .map(({ candidate }) => candidate);
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll('-', '_');
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let distance = Math.min(
        at(previous, column) + 1,
        at(current, column - 1) + 1,
        at(previous, column - 1) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        distance = Math.min(distance, at(beforePrevious, column - 2) + 1);
      }
      current.push(distance);
    }
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, right.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
