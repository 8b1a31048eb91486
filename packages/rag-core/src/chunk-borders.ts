import { graphemePrefix, isGraphemeBorder } from './grapheme-borders.ts';

/** How a text is written. */
export type ChunkFormat = 'prose' | 'markdown' | 'code';

/** A place where a text may be cut, and how good a place it is, from 0 to 1. */
export interface Border {
  /** Where what follows begins. */
  readonly at: number;
  /** How far from the ideal place, in shares of a chunk's size, it still is better than a cut between any two words. */
  readonly worth: number;
}

/** What stands under one heading, up to the next heading of whatever depth. */
export interface Section {
  readonly start: number;
  readonly end: number;
  /** Headings above it, from the outermost, its own the last one. Empty before the first heading. */
  readonly path: readonly string[];
  /** Of its heading, 1..6; 0 before the first one. */
  readonly depth: number;
  /** A heading and nothing under it. */
  readonly isBare: boolean;
  /** Places to cut at inside it, ascending. */
  readonly borders: readonly Border[];
}

/** Worth of the places: before a paragraph or a unit of code, a sentence, a line, where a line says more, or little. */
const worths = { block: 0.9, sentence: 0.6, line: 0.35, wrap: 0.1 } as const;

/** Longest heading that goes into a path. */
const headingCharsMax = 120;

/** Takes a text apart into sections and finds the places to cut at. One pass over the lines. */
export function findSections(text: string, format: ChunkFormat): readonly Section[] {
  const sections: Section[] = [];
  let section = { start: 0, path: [] as readonly string[], depth: 0, isBare: false, borders: [] as Border[] };
  /** Headings that are open, the innermost last. */
  let open: { readonly depth: number; readonly heading: string }[] = [];
  let fence: Fence | null = null;
  let before: Line | null = null;
  let isAfterBlank = true;
  let isAfterSentence = false;

  function begin(start: number, depth: number, heading: string): void {
    sections.push({ ...section, end: start });
    open = [...open.filter((other) => other.depth < depth), { depth, heading }];
    section = { start, path: open.map((other) => other.heading), depth, isBare: true, borders: [] };
  }

  function add(at: number, worth: number): void {
    if (at > section.start && isGraphemeBorder(text, at)) section.borders.push({ at, worth });
  }

  const body = format === 'markdown' ? frontMatterEnd(text) : 0;
  for (const line of linesOf(text, body)) {
    const isBlank = line.first === line.end;
    if (isBlank) {
      isAfterBlank = true;
      isAfterSentence = false;
      if (fence === null) before = null;
      continue;
    }
    const wasFenced: boolean = fence !== null;
    if (format === 'markdown') fence = fenceAfter(text, line, fence);
    const isFenced = wasFenced || fence !== null;
    const heading: Heading | null = format === 'markdown' && !isFenced ? headingOf(text, line, before) : null;
    if (heading !== null) {
      // The first line of an underlined heading was taken for a line of its own.
      while ((section.borders.at(-1)?.at ?? -1) >= heading.start) section.borders.pop();
      begin(heading.start, heading.depth, heading.text);
      before = null;
    } else if (format === 'code') add(line.start, codeWorth(text, line, isAfterBlank));
    else if (isFenced) add(line.first, wasFenced ? worths.line : worths.block);
    else if (isAfterBlank) add(line.first, worths.block);
    else if (isAfterSentence) add(line.first, worths.sentence);
    else add(line.first, isItem(text, line) ? worths.line : worths.wrap);

    isAfterSentence = false;
    if (format !== 'code' && !isFenced && heading === null)
      for (const at of sentenceStarts(text, line)) {
        if (at === line.end) isAfterSentence = true;
        else add(at, worths.sentence);
      }
    if (heading === null) {
      before = { ...line, isFirst: isAfterBlank };
      section.isBare = false;
    }
    // What follows a heading or a fence is a block of its own.
    isAfterBlank = heading !== null || (wasFenced && fence === null);
  }
  sections.push({ ...section, end: text.length });
  return sections.filter(({ start, end }) => end > start);
}

/** A line without its line break; `first` is its first character that is not white space, or its end. */
interface Line {
  readonly start: number;
  readonly first: number;
  readonly end: number;
  /** Nothing but a blank line stands before it. */
  readonly isFirst?: boolean;
}

function* linesOf(text: string, from: number): Generator<Line> {
  for (let start = from; start < text.length;) {
    const feed = text.indexOf('\n', start);
    let end = feed === -1 ? text.length : feed;
    const next = feed === -1 ? text.length : feed + 1;
    while (end > start && isWhiteSpace(text.charCodeAt(end - 1))) end--;
    let first = start;
    while (first < end && isWhiteSpace(text.charCodeAt(first))) first++;
    yield { start, first, end };
    start = next;
  }
}

/** White space as `String.prototype.trim` knows it. */
export function isWhiteSpace(unit: number): boolean {
  if (unit < 0x80) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
  return (
    unit === 0xa0 ||
    unit === 0x16_80 ||
    (unit >= 0x20_00 && unit <= 0x20_0a) ||
    unit === 0x20_28 ||
    unit === 0x20_29 ||
    unit === 0x20_2f ||
    unit === 0x20_5f ||
    unit === 0x30_00 ||
    unit === 0xfe_ff
  );
}

/** Where the text begins behind a block of metadata between two lines of `---`; 0 without one. */
function frontMatterEnd(text: string): number {
  const opening = /^---[ \t]*\r?\n/u.exec(text);
  if (opening === null) return 0;
  const closing = /^(?:---|\.\.\.)[ \t]*$/mu;
  const rest = text.slice(opening[0].length, opening[0].length + frontMatterCharsMax);
  const found = closing.exec(rest);
  return found === null ? 0 : opening[0].length + found.index + found[0].length;
}

const frontMatterCharsMax = 20_000;

/** An open block of code: the character of its fence and how often it stands there. */
interface Fence {
  readonly mark: string;
  readonly length: number;
}

/** Whether a block of code is open after a line. */
function fenceAfter(text: string, { start, first, end }: Line, fence: Fence | null): Fence | null {
  const mark = text.charAt(first);
  if (mark !== '`' && mark !== '~') return fence;
  let length = 1;
  while (first + length < end && text[first + length] === mark) length++;
  if (fence !== null) return mark === fence.mark && length >= fence.length && first + length === end ? null : fence;
  if (length < 3 || first - start > 3) return null;
  // A line such as ```js``` is code within a line.
  return mark === '`' && text.slice(first + length, end).includes('`') ? null : { mark, length };
}

interface Heading {
  readonly start: number;
  readonly depth: number;
  readonly text: string;
}

/** The heading that a line is: `## Like this`, or a line of `===` or `---` under a paragraph of one line. */
function headingOf(text: string, { start, first, end }: Line, before: Line | null): Heading | null {
  const mark = text.charAt(first);
  if (first - start > 3) return null;
  let length = 1;
  while (first + length < end && text[first + length] === mark) length++;
  if (mark === '#') {
    const isHeading = length <= 6 && (first + length === end || /[ \t]/u.test(text.charAt(first + length)));
    return isHeading ? { start: first, depth: length, text: plainHeading(text.slice(first + length, end)) } : null;
  }
  if ((mark !== '=' && mark !== '-') || first + length !== end) return null;
  if (before?.isFirst !== true) return null;
  return { start: before.first, depth: mark === '=' ? 1 : 2, text: plainHeading(text.slice(before.first, before.end)) };
}

/** A heading without its marks. */
function plainHeading(marked: string): string {
  let end = Math.min(marked.length, 4 * headingCharsMax);
  while (end > 0 && (marked[end - 1] === '#' || isWhiteSpace(marked.charCodeAt(end - 1)))) end--;
  const plain = marked
    .slice(0, end)
    .replace(/!?\[([^\]]*)\]\([^)]*\)/gu, '$1')
    .replace(/[`*]/gu, '')
    .trim();
  return graphemePrefix(plain, headingCharsMax);
}

function isItem(text: string, { first, end }: Line): boolean {
  return /^(?:[-*+•|>]|\d{1,9}[.)])/u.test(text.slice(first, Math.min(end, first + 11)));
}

/** A unit of code begins at the margin after a blank line; what only closes one does not. */
function codeWorth(text: string, { start, first }: Line, isAfterBlank: boolean): number {
  if (!isAfterBlank) return worths.line;
  return first === start && !closers.has(text.charAt(first)) ? worths.block : worths.sentence;
}

const closers: ReadonlySet<string> = new Set('})]');

/**
 * Where sentences begin inside a line; the end of the line where its last one ends there. A full stop after a single letter
 * or before a small one ends nothing: `J. Smith`, `e.g. this`.
 */
function* sentenceStarts(text: string, { first, end }: Line): Generator<number> {
  for (let at = first; at < end; at++) {
    const mark = text.charAt(at);
    if (!sentenceMarks.has(mark)) continue;
    const isWide = wideMarks.has(mark);
    let next = at + 1;
    while (next < end && (sentenceMarks.has(text.charAt(next)) || closingMarks.has(text.charAt(next)))) next++;
    const behind = next;
    while (next < end && isWhiteSpace(text.charCodeAt(next))) next++;
    const isInitial =
      mark === '.' &&
      at - first >= 1 &&
      isLetter.test(text.charAt(at - 1)) &&
      (at - first === 1 || !isLetter.test(text.charAt(at - 2)));
    if (next === end || isWide || (next > behind && !isInitial && !startsSmall.test(text.charAt(next)))) yield next;
    at = next - 1;
  }
}

const wideMarks: ReadonlySet<string> = new Set('。！？｡');
const sentenceMarks: ReadonlySet<string> = new Set('.!?…。！？｡');
const closingMarks: ReadonlySet<string> = new Set('"\'”’»)]}」』）*_');
const isLetter = /\p{L}/u;
const startsSmall = /\p{Ll}/u;
