/** Finds the first stop string in a text that comes in pieces. */
export interface StopMatcher {
  /** Text that can be shown now, and whether a stop string was found: then the text ends just before it. */
  write(text: string): { readonly text: string; readonly stopped: boolean };
  /** Text that was held back because a stop string might have begun there. */
  end(): string;
}

/**
 * Makes a matcher. It holds back only the longest tail that could be the beginning of a stop string. The stop string that
 * is complete first wins, of several that end together the longest: so the pieces do not matter, and nothing has to be
 * generated to see whether a longer one would have come.
 */
export function createStopMatcher(stops: readonly string[]): StopMatcher {
  let held = '';
  return {
    write(text) {
      held += text;
      const [first] = stops
        .map((stop) => ({ begin: held.indexOf(stop), length: stop.length }))
        .filter(({ begin }) => begin >= 0)
        .toSorted((one, other) => one.begin + one.length - other.begin - other.length || one.begin - other.begin);
      if (first !== undefined) {
        const before = held.slice(0, first.begin);
        held = '';
        return { text: before, stopped: true };
      }
      const tail = Math.max(unfinishedStop(held, stops), endsInHighSurrogate(held) ? 1 : 0);
      const shown = held.slice(0, held.length - tail);
      held = held.slice(held.length - tail);
      return { text: shown, stopped: false };
    },
    end() {
      const rest = held;
      held = '';
      return rest;
    },
  };
}

/** Length of the longest end of `text` that is a proper beginning of a stop string. */
function unfinishedStop(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length -= 1) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}

/** A cut between the halves of a surrogate pair would show two broken characters. */
function endsInHighSurrogate(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff;
}
