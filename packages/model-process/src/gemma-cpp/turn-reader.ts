/** What gemma.cpp prints for an empty prompt, and for nothing else. */
export const emptyPromptHint = "Use '%q' to quit.\n";

/** Tells the text of one turn from the marks around it, in output that comes in pieces. */
export interface TurnReader {
  /** Text that belongs to the answer; whether another empty prompt must be sent; whether the turn is over. */
  write(chunk: string): { readonly text: string; readonly tokens: number; readonly state: 'open' | 'confirm' | 'over' };
  /** The end of the process's output: what is left of the answer, and whether the answer was whole. */
  end(): { readonly text: string; readonly tokens: number; readonly whole: boolean };
  /** How many times the model wrote what looked like the end. */
  readonly forgeries: number;
}

/**
 * Makes a reader of one turn at verbosity 0. With `sentinel` an empty prompt was sent behind the prompt: the turn ends with
 * two newlines and the hint for empty prompts. Without, the input was closed behind the prompt: the turn ends with two
 * newlines and the end of the output.
 *
 * Two newlines alone are an ordinary token, and a model can write the hint as well. So an end is believed only when a
 * second empty prompt, sent after it was seen, is answered at once by the bare hint in one piece: gemma.cpp writes the
 * hint in one go, a model writes it token by token.
 *
 * Text is held back only as long as it could be the beginning of the end mark. A write of gemma.cpp is one token, and
 * usually one piece here: their number is an estimate of the tokens, from below.
 */
export function createTurnReader({ sentinel }: { readonly sentinel: boolean }): TurnReader {
  let held = '';
  /** Where in `held` the pieces begin. */
  let starts: number[] = [];
  let hints = sentinel ? 1 : 0;
  let confirming = false;
  let forgeries = 0;

  const mark = (): string => `\n\n${emptyPromptHint.repeat(hints)}`;

  function release(length: number): { text: string; tokens: number } {
    const text = held.slice(0, length);
    const tokens = starts.filter((start) => start < length).length;
    starts = starts.flatMap((start) => (start < length ? [] : [start - length]));
    held = held.slice(length);
    return { text, tokens };
  }

  return {
    get forgeries() {
      return forgeries;
    },
    write(chunk) {
      if (confirming) {
        if (chunk === emptyPromptHint)
          return { ...release(held.length - mark().length + emptyPromptHint.length), state: 'over' };
        confirming = false;
        forgeries += 1;
      }
      starts.push(held.length);
      held += chunk;
      const end = mark();
      if (sentinel && held.endsWith(end)) {
        confirming = true;
        hints += 1;
        return { text: '', tokens: 0, state: 'confirm' };
      }
      return { ...release(held.length - beginningAtEnd(held, end)), state: 'open' };
    },
    end() {
      const whole = !sentinel && held.endsWith('\n\n');
      return { ...release(whole ? held.length - 2 : held.length), whole };
    },
  };
}

/** Length of the longest end of `text` that is a beginning of `mark`. */
function beginningAtEnd(text: string, mark: string): number {
  for (let length = Math.min(mark.length, text.length); length > 0; length -= 1) {
    if (text.endsWith(mark.slice(0, length))) return length;
  }
  return 0;
}
