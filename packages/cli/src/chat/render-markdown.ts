import { Lexer, type Token, type Tokens } from 'marked';
import { createHighlighter } from './highlight-code.ts';
import type { TerminalStyle } from './terminal-style.ts';
import { graphemesOf, textWidth } from './text-layout.ts';

/** How blocks are shown. */
export interface MarkdownLook {
  /** Cells of a line of prose. Code is never wrapped. */
  readonly width: number;
  readonly style: TerminalStyle;
}

/** The blocks of a text. A newline within a paragraph stays one: models mean it. */
export function lexMarkdown(text: string): readonly Token[] {
  return new Lexer({ gfm: true, breaks: true }).lex(text);
}

/**
 * Shows a block as lines for a terminal, each with its own style from beginning to end. Marks that say what a line is
 * (`-`, `1.`, `>`, fences) stay, so that what is copied is still Markdown; marks of emphasis become emphasis.
 */
export function renderBlock(token: Token, look: MarkdownLook): readonly string[] {
  const { style, width } = look;
  switch (token.type) {
    case 'space':
      return [];
    case 'heading': {
      const { depth, tokens } = token as Tokens.Heading;
      const heading = (text: string): string => style.bold(style.title(depth === 1 ? style.underline(text) : text));
      return wrapSpans(spansOf(tokens, style, heading), width);
    }
    case 'paragraph':
      return wrapSpans(spansOf((token as Tokens.Paragraph).tokens, style), width);
    case 'text': {
      const { tokens, text } = token as Tokens.Text;
      return wrapSpans(tokens === undefined ? [{ text, show: same }] : spansOf(tokens, style), width);
    }
    case 'code': {
      const { text, lang = '', raw } = token as Tokens.Code;
      const fence = /^ {0,3}(`{3,}|~{3,})/.exec(raw)?.[1];
      const highlight = createHighlighter(lang, style);
      const lines = text.split('\n').map((line) => highlight(withSpaces(line)));
      if (fence === undefined) return lines;
      return [style.dim(`${fence}${lang}`), ...(text === '' ? [] : lines), style.dim(fence)];
    }
    case 'list':
      return renderList(token as Tokens.List, look);
    case 'blockquote': {
      const inner = renderBlocks((token as Tokens.Blockquote).tokens, { ...look, width: Math.max(10, width - 2) });
      return inner.map((line) => `${style.dim('>')} ${line}`.trimEnd());
    }
    case 'table':
      return renderTable(token as Tokens.Table, look);
    case 'hr':
      return [style.dim('─'.repeat(Math.min(width, 40)))];
    default:
      // HTML, definitions of links: as they are written.
      return wrapSpans([{ text: token.raw.replace(/\n+$/, ''), show: same }], width);
  }
}

/** Blocks below each other, an empty line where the text has one. */
export function renderBlocks(tokens: readonly Token[], look: MarkdownLook): readonly string[] {
  const lines: string[] = [];
  let before = '';
  for (const token of tokens) {
    const block = renderBlock(token, look);
    if (block.length > 0) {
      if (lines.length > 0 && hasGap(before)) lines.push('');
      lines.push(...block);
      before = '';
    }
    before += token.raw;
  }
  return lines;
}

/** Whether a text ends with an empty line. */
export function hasGap(text: string): boolean {
  return /\n[ \t]*\n\s*$/.test(text);
}

/** Code with its tabs as spaces: how wide a tab is shown depends on the terminal. */
export function withSpaces(line: string): string {
  return line.replaceAll('\t', '    ');
}

/** A stretch of text that is shown in one way. A newline in it breaks the line. */
interface Span {
  readonly text: string;
  readonly show: Show;
}

type Show = (text: string) => string;

const same: Show = (text) => text;

function spansOf(tokens: readonly Token[] | undefined, style: TerminalStyle, around: Show = same): Span[] {
  return (tokens ?? []).flatMap((token): Span[] => {
    const within = (show: Show, inner: readonly Token[] | undefined): Span[] =>
      spansOf(inner, style, (text) => around(show(text)));
    switch (token.type) {
      case 'strong':
        return within(style.bold, (token as Tokens.Strong).tokens);
      case 'em':
        return within(style.italic, (token as Tokens.Em).tokens);
      case 'del':
        return within(style.strike, (token as Tokens.Del).tokens);
      case 'codespan':
        return [{ text: (token as Tokens.Codespan).text, show: (text) => around(style.code(text)) }];
      case 'br':
        // What a line is indented with may be code that nobody put in a fence.
        return [{ text: token.raw.slice(token.raw.indexOf('\n')), show: same }];
      case 'link': {
        const { href, text, tokens: inner } = token as Tokens.Link;
        const shown = within((part) => style.link(style.underline(part)), inner);
        const isPlain = href === text || href === `mailto:${text}` || href === `http://${text}`;
        return isPlain ? shown : [...shown, { text: ` (${href})`, show: around }];
      }
      case 'image': {
        const { href, text } = token as Tokens.Image;
        return [{ text: `${text} (${href})`, show: around }];
      }
      case 'text':
      case 'escape': {
        const { text, tokens: inner } = token as Tokens.Text;
        return inner === undefined ? [{ text, show: around }] : spansOf(inner, style, around);
      }
      default:
        return [{ text: token.raw, show: around }];
    }
  });
}

/** A part of a line that is never broken, or a space. */
interface Atom {
  readonly text: string;
  readonly width: number;
  readonly show: Show;
  readonly isSpace: boolean;
  /** Nothing may be broken off between this and the one before. */
  readonly sticks: boolean;
}

/** Breaks spans into lines of at most `width` cells, between words, within a word only when it is longer than a line. */
function wrapSpans(spans: readonly Span[], width: number): string[] {
  const lines: string[] = [];
  let line: Atom[] = [];
  let lineWidth = 0;
  let word: Atom[] = [];
  let wordWidth = 0;
  /** Something stood in this line of the text. */
  let begun = false;

  function endLine(): void {
    while (line.at(-1)?.isSpace === true) line.pop();
    lines.push(joinAtoms(line));
    line = [];
    lineWidth = 0;
  }

  function endWord(): void {
    if (lineWidth > 0 && lineWidth + wordWidth > width) endLine();
    for (const atom of word) {
      for (const piece of lineWidth + atom.width > width ? graphemeAtoms(atom) : [atom]) {
        if (lineWidth > 0 && lineWidth + piece.width > width) endLine();
        line.push(piece);
        lineWidth += piece.width;
      }
    }
    word = [];
    wordWidth = 0;
  }

  for (const atom of spans.flatMap(atomsOf)) {
    if (atom.text === '\n') {
      endWord();
      endLine();
      begun = false;
    } else if (atom.isSpace) {
      endWord();
      // A space at the end of a full line is not carried over; one at the beginning was written there.
      if (lineWidth > 0 ? lineWidth < width : !begun && atom.width < width) {
        line.push(atom);
        lineWidth += atom.width;
      }
      begun = true;
    } else {
      if (!atom.sticks) endWord();
      begun = true;
      word.push(atom);
      wordWidth += atom.width;
    }
  }
  endWord();
  if (line.length > 0 || lines.length === 0) endLine();
  return lines;
}

function atomsOf({ text, show }: Span): Atom[] {
  return Array.from(text.matchAll(/\n|[^\S\n]+|[^\s]+/g), ([part]) => part).flatMap((part): Atom[] => {
    if (part === '\n') return [{ text: part, width: 0, show, isSpace: false, sticks: false }];
    if (/^\s/.test(part)) {
      const spaces = withSpaces(part);
      return [{ text: spaces, width: spaces.length, show, isSpace: true, sticks: true }];
    }
    // Scripts without spaces may break after every wide character.
    if (!/[^\x20-\x7e]/.test(part)) return [{ text: part, width: part.length, show, isSpace: false, sticks: true }];
    let afterWide = false;
    return Array.from(graphemesOf(part), ({ text: shown, width }) => {
      const sticks = !(afterWide || width > 1) || /^\p{P}/u.test(shown);
      afterWide = width > 1;
      return { text: shown, width, show, isSpace: false, sticks };
    });
  });
}

function graphemeAtoms({ text, show }: Atom): Atom[] {
  return Array.from(graphemesOf(text), (part) => ({
    text: part.text,
    width: part.width,
    show,
    isSpace: false,
    sticks: true,
  }));
}

function joinAtoms(atoms: readonly Atom[]): string {
  let output = '';
  let index = 0;
  while (index < atoms.length) {
    const show = atoms[index]?.show ?? same;
    let text = '';
    for (; atoms[index]?.show === show; index += 1) text += atoms[index]?.text ?? '';
    output += show(text);
  }
  return output;
}

function renderList(list: Tokens.List, look: MarkdownLook): readonly string[] {
  const first = typeof list.start === 'number' ? list.start : 1;
  const marks = list.items.map((_, index) => (list.ordered ? `${first + index}. ` : '- '));
  const indent = Math.max(...marks.map((mark) => mark.length));
  return list.items.flatMap((item, index) => {
    const box = item.task ? (item.checked === true ? '[x] ' : '[ ] ') : '';
    const blocks = item.tokens.filter(({ type }) => type !== 'checkbox');
    const lines = renderBlocks(blocks, { ...look, width: Math.max(10, look.width - indent) });
    const [head = '', ...rest] = lines;
    const shown = [
      `${(marks[index] ?? '').padEnd(indent)}${box}${head}`.trimEnd(),
      ...rest.map((line) => (line === '' ? '' : ' '.repeat(indent) + line)),
    ];
    return list.loose && index > 0 ? ['', ...shown] : shown;
  });
}

/** Columns as wide as their cells; when that is too wide, cells are wrapped; when even that is not readable, the text. */
function renderTable({ header, rows, align, raw }: Tokens.Table, { width, style }: MarkdownLook): readonly string[] {
  const cells = [header, ...rows];
  const natural = header.map((_, column) =>
    Math.max(
      1,
      ...cells.map((row) => Math.max(...wrapSpans(spansOf(row[column]?.tokens, style), 10_000).map(textWidth))),
    ),
  );
  const widths = fitColumns(natural, width - 2 * (header.length - 1));
  if (widths === undefined) return raw.replace(/\n+$/, '').split('\n');
  const lines = cells.flatMap((row, index) => {
    const columns = widths.map((cells_, column) =>
      wrapSpans(spansOf(row[column]?.tokens, style, index === 0 ? style.bold : same), cells_),
    );
    return Array.from({ length: Math.max(...columns.map((column) => column.length)) }, (_, line) =>
      columns
        .map((column, place) => padCell(column[line] ?? '', widths[place] ?? 0, align[place] ?? null))
        .join('  ')
        .trimEnd(),
    );
  });
  const headerRows = lines.length === 0 ? 0 : headerHeight(header, widths, style);
  const rule = style.dim(widths.map((cells_) => '─'.repeat(cells_)).join('  '));
  return [...lines.slice(0, headerRows), rule, ...lines.slice(headerRows)];
}

function headerHeight(header: readonly Tokens.TableCell[], widths: readonly number[], style: TerminalStyle): number {
  return Math.max(...header.map(({ tokens }, column) => wrapSpans(spansOf(tokens, style), widths[column] ?? 1).length));
}

/** Takes from the widest columns until they fit. `undefined` when a column would get below what can be read. */
function fitColumns(natural: readonly number[], width: number): readonly number[] | undefined {
  const widths = [...natural];
  const least = 6;
  while (widths.reduce((sum, cells) => sum + cells, 0) > width) {
    const widest = Math.max(...widths);
    if (widest <= least) return undefined;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function padCell(text: string, width: number, align: 'left' | 'center' | 'right' | null): string {
  const space = Math.max(0, width - textWidth(text));
  const left = align === 'right' ? space : align === 'center' ? Math.floor(space / 2) : 0;
  return ' '.repeat(left) + text + ' '.repeat(space - left);
}
