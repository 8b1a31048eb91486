import { createHash } from 'node:crypto';

/** Makes passages out of texts, each of them once. */
export interface PassageReader {
  /** Passages of a text that no text before had, in its order. */
  read(text: string): readonly string[];
}

/** Words of a passage: whole sentences until there are so many, and not many more. */
const wordsMin = 33;
const wordsMax = 60;

/** Words at the beginning by which boilerplate is known: `This function was introduced in …` is one passage, not 9,000. */
const openingWords = 10;

/**
 * Makes passages of about 40 words of the prose in texts. What is not prose (tables, code, lists of names) is left out.
 * Paragraphs stand between blank lines.
 */
export function createPassageReader(): PassageReader {
  const openings = new Set<string>();
  return {
    read(text) {
      const passages: string[] = [];
      let sentences: string[] = [];
      let words = 0;
      for (const paragraph of text.split(/\n\s*\n/)) {
        const line = paragraph.replaceAll(/\s+/g, ' ').trim();
        if (!isProse(line)) continue;
        for (const sentence of line.split(/(?<=[.!?][)"']?) (?=[A-Z("'`])/)) {
          const count = wordsOf(sentence);
          if (count > wordsMax) {
            [sentences, words] = [[], 0];
            continue;
          }
          sentences.push(sentence);
          words += count;
          if (words < wordsMin) continue;
          if (words <= wordsMax) {
            const passage = sentences.join(' ');
            if (isEnglish(passage) && isNew(passage, openings)) passages.push(passage);
          }
          [sentences, words] = [[], 0];
        }
      }
      return passages;
    },
  };
}

/** A sentence of 6 to 18 words of a passage, as somebody may ask for it; `null` when there is none. */
export function questionOf(passage: string): string | null {
  const sentence = passage.split(/(?<=[.!?]) /).find((one) => wordsOf(one) >= 6 && wordsOf(one) <= 18);
  return sentence === undefined
    ? null
    : sentence
        .replaceAll(/[.!?:;"()`]+/g, ' ')
        .replaceAll(/\s+/g, ' ')
        .trim();
}

/** What a reader of a page sees of its prose: paragraphs with a blank line between two, without code. */
export function textOfHtml(html: string): string {
  return html
    .replaceAll(/<!--[^]*?-->/g, ' ')
    .replaceAll(/<(script|style|pre|head|table|nav)\b[^]*?<\/\1\s*>/gi, '\n\n')
    .replaceAll(/<\/?(p|div|li|ul|ol|dl|dt|dd|h[1-6]|br|hr|blockquote|section|article|tr|td)\b[^>]*>/gi, '\n\n')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/&(#x?[0-9a-f]+|[a-z]+);/gi, (entity, name: string) => characterOf(name.toLowerCase()) ?? entity);
}

/** Whether a line reads as sentences: nearly all of it words, and an end. */
function isProse(line: string): boolean {
  const words = line.split(' ');
  if (words.length < 5 || !/[.!?:]['")]?$/.test(line)) return false;
  const plain = words.filter((word) => /^["'(]?[A-Za-z][a-z]*(?:['’-][A-Za-z]+)*["')]*[.,;:!?]?["')]?$/.test(word));
  return plain.length / words.length >= 0.75;
}

/** Translations lie beside the originals: about two words in five of English prose are of these. */
function isEnglish(passage: string): boolean {
  const words = passage.toLowerCase().split(/[^a-z]+/);
  return words.filter((word) => functionWords.has(word)).length / words.length >= 0.2;
}

const functionWords = new Set(
  'the of to and a in is that for it be with as are this by on or not can an you if from will at which have has but all when may one its also use used'.split(
    ' ',
  ),
);

function wordsOf(text: string): number {
  return text.split(' ').filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}

/** Remembers the opening by a hash: a million texts would take ten times as much. */
function isNew(passage: string, openings: Set<string>): boolean {
  const opening = passage.toLowerCase().split(' ', openingWords).join(' ');
  const hash = createHash('sha256').update(opening).digest('base64').slice(0, 12);
  if (openings.has(hash)) return false;
  openings.add(hash);
  return true;
}

const named: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  ndash: '-',
  mdash: '-',
  lsquo: "'",
  rsquo: "'",
  ldquo: '"',
  rdquo: '"',
  hellip: '...',
};

function characterOf(name: string): string | undefined {
  if (!name.startsWith('#')) return named[name];
  const code = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return Number.isInteger(code) && code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}
