/** Whether nothing that is read as one character reaches over this place, which is beside white space or punctuation. */
export function isGraphemeBorder(text: string, at: number): boolean {
  if (at <= 0 || at >= text.length) return true;
  const before = text.charCodeAt(at - 1);
  const after = text.charCodeAt(at);
  if (before < 0x80 && after < 0x80) return !(before === carriageReturn && after === lineFeed);
  const start = isTrail(before) ? Math.max(0, at - 2) : at - 1;
  const piece = text.slice(start, at + (isTrail(text.charCodeAt(at + 1)) ? 2 : 1));
  return (
    segmenter()
      .segment(piece)
      .containing(at - start)?.index ===
    at - start
  );
}

/**
 * The last place, at most `ideal`, where what begins at `from` may be cut without cutting a character. A character that
 * reaches beyond `limit`, a letter with hundreds of marks, is cut between two code points.
 */
export function graphemeCut(text: string, from: number, ideal: number, limit: number): number {
  // A segmenter has to begin at the beginning: whether two flags are one depends on how many stand before them.
  if (text.charCodeAt(ideal - 1) < 0x80 && text.charCodeAt(ideal) < 0x80 && isGraphemeBorder(text, ideal)) return ideal;
  let cut = from;
  for (const { index } of segmenter().segment(text.slice(from, limit))) {
    if (from + index > ideal && cut > from) break;
    cut = from + index;
  }
  if (cut > from) return cut;
  return isTrail(text.charCodeAt(limit)) && limit - 1 > from ? limit - 1 : limit;
}

/** The start of a text, at most so long, that cuts no character. */
export function graphemePrefix(text: string, unitsMax: number): string {
  return text.length <= unitsMax ? text : text.slice(0, graphemeCut(text, 0, unitsMax, unitsMax + 1)).trimEnd();
}

let lazySegmenter: Intl.Segmenter | undefined;

function segmenter(): Intl.Segmenter {
  // Borders of characters are the same in all languages.
  return (lazySegmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' }));
}

const carriageReturn = 13;
const lineFeed = 10;

function isTrail(unit: number): boolean {
  return unit >= 0xdc_00 && unit < 0xe0_00;
}
