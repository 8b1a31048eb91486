import { GemmaError } from '@gemma-cli/contracts';
import { findSections, isWhiteSpace } from './chunk-borders.ts';
import type { Border, ChunkFormat, Section } from './chunk-borders.ts';
import { graphemeCut, isGraphemeBorder } from './grapheme-borders.ts';

/** A text to cut into chunks. */
export interface ChunkSource {
  readonly text: string;
  /**
   * `prose` is cut between paragraphs and sentences, `markdown` at its headings first, with blocks of code kept whole where
   * they fit, `code` between its units and blank lines.
   */
  readonly format: ChunkFormat;
  /** Of the whole. Stands before the headings in the titles of chunks. Default `null`. */
  readonly title?: string | null | undefined;
}

/** How large chunks are, in UTF-16 code units. */
export interface ChunkSizes {
  /** What is aimed at where a section has to be cut. Default 1,200: about 300 tokens, what embedding models read well. */
  readonly targetChars?: number | undefined;
  /** No chunk is longer. A section up to this size is not cut. At least 64. Default 1,800. */
  readonly maxChars?: number | undefined;
  /** Sections shorter than this join their neighbours where that fits. A wish: a short text is one chunk. Default 200. */
  readonly minChars?: number | undefined;
  /** How much of the end of a chunk is repeated in the next one of its section, at most. Default 120: a sentence or two. */
  readonly overlapChars?: number | undefined;
}

/** A piece of a text. */
export interface Chunk {
  /** `source.text.slice(start, end)`: begins and ends with what is not white space, but for the indentation of code. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Title and headings that it stands under, joined by ` › `; `null` where there are none. */
  readonly title: string | null;
}

/** What {@link chunkDocument} does where its sizes say nothing. */
export const chunkDefaults = { targetChars: 1_200, maxChars: 1_800, minChars: 200, overlapChars: 120 } as const;

/**
 * Cuts a text into chunks, in its order. Together they cover everything that is not white space; none cuts a character (a
 * surrogate pair, a letter and its accents, an emoji). Takes time and memory in proportion to the text.
 *
 * @throws GemmaError `REQUEST_INVALID` for sizes that do not fit together.
 */
export function chunkDocument({ text, format, title = null }: ChunkSource, sizes: ChunkSizes = {}): readonly Chunk[] {
  const limits = checkedSizes(sizes);
  const chunks: Chunk[] = [];
  for (const group of groupSections(findSections(text, format), limits)) {
    const name = titleOf(title, group.path);
    for (const piece of cutGroup(text, group, limits, format === 'code')) chunks.push({ ...piece, title: name });
  }
  return chunks;
}

type Limits = Readonly<Record<keyof typeof chunkDefaults, number>>;

function checkedSizes(sizes: ChunkSizes): Limits {
  const limits = {
    targetChars: sizes.targetChars ?? Math.min(chunkDefaults.targetChars, sizes.maxChars ?? chunkDefaults.targetChars),
    maxChars: sizes.maxChars ?? Math.max(chunkDefaults.maxChars, Math.ceil((sizes.targetChars ?? 0) * 1.5)),
    minChars: sizes.minChars ?? 0,
    overlapChars: sizes.overlapChars ?? 0,
  };
  if (sizes.minChars === undefined)
    limits.minChars = Math.min(chunkDefaults.minChars, Math.floor(limits.targetChars / 2));
  if (sizes.overlapChars === undefined)
    limits.overlapChars = Math.min(chunkDefaults.overlapChars, Math.floor(limits.targetChars / 4));
  const { targetChars, maxChars, minChars, overlapChars } = limits;
  const isSound =
    Object.values(limits).every((value) => Number.isInteger(value) && value >= 0) &&
    maxChars >= 64 &&
    targetChars >= 1 &&
    targetChars <= maxChars &&
    minChars <= targetChars &&
    overlapChars <= targetChars / 2;
  if (!isSound)
    throw new GemmaError({
      code: 'REQUEST_INVALID',
      message: `Expected sizes of chunks with minChars <= targetChars <= maxChars, maxChars at least 64 and overlapChars at most half of targetChars, all whole numbers, got ${JSON.stringify(limits)}. Change the one that does not fit.`,
      facts: { ...limits },
    });
  return limits;
}

/**
 * Joins short sections with those that follow: a heading alone with what stands under it, small siblings with each other.
 * A section is not joined with one of a higher heading, which begins something else.
 */
function groupSections(sections: readonly Section[], { minChars, targetChars }: Limits): readonly Section[] {
  const groups: Section[] = [];
  for (const section of sections) {
    const group = groups.at(-1);
    const isShort = group !== undefined && group.end - group.start < minChars;
    if (isShort && section.depth >= group.depth && section.end - group.start <= targetChars)
      groups[groups.length - 1] = {
        ...group,
        end: section.end,
        path: group.isBare ? section.path : commonPath(group, section),
        isBare: group.isBare && section.isBare,
        borders: [...group.borders, { at: section.start, worth: 1 }, ...section.borders],
      };
    else groups.push(section);
  }
  return groups;
}

/** The headings above both; where one stands under the other, those of the upper one. */
function commonPath(one: Section, other: Section): readonly string[] {
  const path: string[] = [];
  for (const [index, heading] of one.path.entries()) {
    if (other.path[index] !== heading) break;
    path.push(heading);
  }
  return path;
}

function titleOf(title: string | null, path: readonly string[]): string | null {
  const names = [...(title === null ? [] : [title]), ...path].filter((name) => name !== '');
  // Many documents repeat their title in their first heading.
  if (names.length > 1 && names[0] === names[1]) names.shift();
  return names.length === 0 ? null : names.join(' › ');
}

function* cutGroup(
  text: string,
  { start, end, borders }: Section,
  { targetChars, maxChars, minChars, overlapChars }: Limits,
  isCode: boolean,
): Generator<Omit<Chunk, 'title'>> {
  const whole = trimmed(text, start, end, isCode);
  if (whole === null) return;
  // Two code units in reserve, for characters that begin or end with white space.
  const room = maxChars - 2;
  let from = whole.start;
  let next = 0;
  let previous = -1;
  while (from < whole.end) {
    const rest = whole.end - from;
    let to = whole.end;
    if (rest > room) {
      const ideal = Math.min(Math.ceil(rest / Math.ceil(rest / targetChars)), room);
      while ((borders[next]?.at ?? Infinity) <= from) next++;
      to = bestCut(text, borders, next, { from, ideal, least: Math.min(minChars, ideal), most: room });
    }
    const piece = trimmed(text, from, to, isCode);
    if (piece !== null) {
      const first =
        previous === -1
          ? piece.start
          : overlapStart(
              text,
              borders,
              next,
              piece.start,
              Math.max(previous + 1, piece.start - overlapChars, piece.end - room),
            );
      yield { text: text.slice(first, piece.end), start: first, end: piece.end };
      previous = piece.start;
    }
    from = to;
  }
}

interface Window {
  readonly from: number;
  /** Lengths of the piece, from `from`. */
  readonly ideal: number;
  readonly least: number;
  readonly most: number;
}

/** The place to cut at that is worth most, less its distance from the ideal one. */
function bestCut(text: string, borders: readonly Border[], next: number, { from, ideal, least, most }: Window): number {
  const middle = from + ideal;
  let best = wordStart(text, from + Math.max(least, 1), middle, from + most);
  let value = best === null ? worstWorth : -Math.abs(best - middle) / ideal;
  for (let index = next; index < borders.length; index++) {
    const { at, worth } = borders[index] ?? beyond;
    if (at > from + most) break;
    const thisValue = worth - Math.abs(at - middle) / ideal;
    if (at - from < least || thisValue <= value) continue;
    best = at;
    value = thisValue;
  }
  return best ?? graphemeCut(text, from, middle, from + most);
}

const beyond: Border = { at: Infinity, worth: 0 };

/** Whatever is farther from the ideal place than this is worse than a cut inside a word. */
const worstWorth = -0.6;

/** The start of a word that is nearest to a place. */
function wordStart(text: string, least: number, middle: number, most: number): number | null {
  for (let distance = 0; middle - distance >= least || middle + distance <= most; distance++) {
    if (middle - distance >= least && isWordStart(text, middle - distance)) return middle - distance;
    if (middle + distance <= most && isWordStart(text, middle + distance)) return middle + distance;
  }
  return null;
}

function isWordStart(text: string, at: number): boolean {
  return isWhiteSpace(text.charCodeAt(at - 1)) && !isWhiteSpace(text.charCodeAt(at)) && isGraphemeBorder(text, at);
}

/** Where the repetition begins that stands before a piece: at a border if there is one, else at a word, else there is none. */
function overlapStart(text: string, borders: readonly Border[], next: number, start: number, least: number): number {
  let first: number | null = null;
  for (let index = next - 1; index >= 0; index--) {
    const { at } = borders[index] ?? beyond;
    if (at < least) break;
    if (at < start) first = at;
  }
  if (first !== null) return first;
  for (let at = least; at < start; at++) if (isWordStart(text, at)) return at;
  return start;
}

/** Without white space at its ends; `null` where there is nothing else. Code keeps the indentation of its first line. */
function trimmed(text: string, start: number, end: number, isCode: boolean): { start: number; end: number } | null {
  let first = start;
  while (first < end && isWhiteSpace(text.charCodeAt(first))) first++;
  if (first === end) return null;
  let last = end;
  while (isWhiteSpace(text.charCodeAt(last - 1))) last--;
  if (isCode) {
    while (first > start && text[first - 1] !== '\n') first--;
  } else if (first > start && !isGraphemeBorder(text, first)) first--;
  if (last < end && !isGraphemeBorder(text, last)) last++;
  return { start: first, end: last };
}
