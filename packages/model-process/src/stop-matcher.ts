/** Finds the first stop string in a text that comes in pieces. */
export interface StopMatcher {
  /** Text that can be shown now, and whether a stop string was found: then the text ends just before it. */
  write(text: string): { readonly text: string; readonly stopped: boolean };
  /** Text that was held back because a stop string might have begun there. */
  end(): string;
}

/**
 * Makes a matcher. It holds back only the longest tail that could be the beginning of a stop string; when several stop
 * strings match, the one that begins first wins.
 */
export function createStopMatcher(stops: readonly string[]): StopMatcher {
  let held = '';
  return {
    write(text) {
      held += text;
      const found = stops.map((stop) => held.indexOf(stop)).filter((index) => index >= 0);
      if (found.length > 0) {
        const before = held.slice(0, Math.min(...found));
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
