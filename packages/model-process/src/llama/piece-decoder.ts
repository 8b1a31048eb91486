/** Turns sampled tokens into text. */
export interface PieceDecoder {
  /** The characters that `token` completes: empty while a character is incomplete. */
  write(token: number): string;
  /** The text of tokens still held back. */
  end(): string;
}

/** Longest run of tokens that is held back for one character: a character has at most four bytes, a token at least one. */
const pendingMax = 4;

const replacement = '\uFFFD';

/**
 * Makes a decoder for a tokenizer that can only detokenize to a string. A token may hold a part of a character; then the
 * string ends in U+FFFD and the token waits for the next one, with which it is detokenized again.
 *
 * @param detokenize - Text of `tokens` as it follows `before`.
 */
export function createPieceDecoder(
  detokenize: (tokens: readonly number[], before: readonly number[]) => string,
): PieceDecoder {
  let before: number[] = [];
  let pending: number[] = [];

  function flush(text: string): string {
    // A few tokens of what came before tell the tokenizer whether a word goes on.
    before = [...before, ...pending].slice(-8);
    pending = [];
    return text;
  }

  return {
    write(token) {
      pending.push(token);
      const text = detokenize(pending, before);
      if (text.endsWith(replacement) && pending.length < pendingMax) return '';
      return flush(text);
    },
    end() {
      return pending.length === 0 ? '' : flush(detokenize(pending, before));
    },
  };
}
