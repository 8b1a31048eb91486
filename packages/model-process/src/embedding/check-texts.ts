import { GemmaError } from '@gemma-cli/contracts';

/**
 * Refuses what cannot have a vector: an empty or blank text gives one that normalises to NaN, and a single NaN scrambles
 * a sort by score without a word.
 *
 * @param what - What a text is called: `text`, `passage`, `query`.
 * @throws GemmaError `REQUEST_INVALID` with the index of the first such text.
 */
export function checkTexts(texts: readonly unknown[], what: string): void {
  for (const [index, text] of texts.entries()) {
    if (typeof text !== 'string') {
      throw new GemmaError({
        code: 'REQUEST_INVALID',
        message: `Expected ${what} ${index} to be a text, got ${text === null ? 'null' : typeof text}.`,
        facts: { index },
      });
    }
    if (!visible.test(text)) throw blankText(what, index);
  }
}

/** The error for a text in which there is nothing to read. */
export function blankText(what: string, index: number): GemmaError {
  return new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected ${what} ${index} to hold something to read; it is empty or blank. Leave it out.`,
    facts: { index },
  });
}

/** A character that is no space, control character or invisible mark. */
const visible = /[^\s\p{Cc}\p{Cf}\p{Z}]/u;
