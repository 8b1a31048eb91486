/** Text as it is kept. */
export interface CleanText {
  readonly text: string;
  /** How many characters were taken out. */
  readonly removed: number;
}

// C0 but tab and line feed, DEL and C1, the mark of byte order, controls of direction, tag characters, lone surrogates.
// Nobody sees them; terminals, models and readers of a diff are misled by them.
const unseen =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF\u{E0000}-\u{E007F}]|\p{Surrogate}/gu;

/** Ends every line with a line feed alone, and takes out what nobody sees. */
export function cleanText(text: string): CleanText {
  // A form feed and the line ends of other systems separate lines; these are not counted as removed.
  const lines = text.replace(/\r\n?|[\f\u0085\u2028\u2029]/gu, '\n');
  let removed = 0;
  const cleaned = lines.replace(unseen, () => {
    removed++;
    return '';
  });
  return { text: cleaned, removed };
}
