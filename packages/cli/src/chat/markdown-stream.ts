import type { Token } from 'marked';
import { createHighlighter, type Highlighter } from './highlight-code.ts';
import { hasGap, lexMarkdown, renderBlock, renderBlocks, withSpaces, type MarkdownLook } from './render-markdown.ts';
import { textWidth } from './text-layout.ts';

/** Lines for a terminal: those that will not change any more, and those of the block that is still coming. */
export interface MarkdownFrame {
  readonly done: readonly string[];
  readonly live: readonly string[];
}

/** Shows Markdown while it comes. */
export interface MarkdownStream {
  /** Takes a piece. `done` are the lines that became final with it. */
  write(text: string): MarkdownFrame;
  /** No piece comes after this: everything is done. */
  end(): MarkdownFrame;
}

/** An open fence: its lines are final as soon as they are complete, and are not looked at again. */
interface OpenFence {
  readonly mark: string;
  readonly highlight: Highlighter;
}

/**
 * Makes a stream. The last block of the text may still change with every piece (a paragraph may turn out a table) and is
 * laid out anew each time; a block is final when the next one begins.
 */
export function createMarkdownStream(look: () => MarkdownLook): MarkdownStream {
  /** Text of the blocks that are not final. */
  let tail = '';
  let fence: OpenFence | undefined;
  /** Whether an empty line belongs before the next block. */
  let gap = false;
  let anything = false;
  /** What the last frame showed of the block that is coming, and how many pieces were added to it without looking at it. */
  let live: readonly string[] = [];
  let added = 0;

  /**
   * Adds a piece of plain words to the last line, and gives whether that was possible. Most pieces are such, and laying a
   * long block out for each of them would cost the model its processor. What words can mean beside themselves (the end
   * of an address that is underlined, a title) is right again a few pieces later, or at the next mark or line.
   */
  function addWords(text: string): boolean {
    const last = live.at(-1);
    if (last === undefined || added >= piecesAddedMax || !/^[\p{L}\p{M}\p{N} .,;'"?!]+$/u.test(text)) return false;
    const line = tail.slice(tail.lastIndexOf('\n') + 1);
    if (line.length < 12 || /^\s*#|\|/.test(line)) return false;
    const space = /[ ]*$/.exec(line)?.[0] ?? '';
    const grown = last + (text.trim() === '' ? '' : space + text.trimEnd());
    if (textWidth(grown) > look().width) return false;
    tail += text;
    live = [...live.slice(0, -1), grown];
    added += 1;
    return true;
  }

  function finish(lines: readonly string[], done: string[]): void {
    if (lines.length === 0) return;
    if (anything && gap) done.push('');
    done.push(...lines);
    anything = true;
    gap = false;
  }

  /** Moves the complete lines of an open fence from `tail` to `done`. */
  function takeCode(done: string[], ended: boolean): void {
    while (fence !== undefined) {
      const newline = tail.indexOf('\n');
      if (newline < 0 && !ended) return;
      const line = newline < 0 ? tail : tail.slice(0, newline);
      if (newline < 0 && line === '') return;
      tail = newline < 0 ? '' : tail.slice(newline + 1);
      const { style } = look();
      if (closes(line, fence.mark)) {
        done.push(style.dim(line.trim()));
        fence = undefined;
        gap = false;
      } else done.push(fence.highlight(withSpaces(line)));
    }
  }

  function takeBlocks(done: string[]): readonly string[] {
    for (;;) {
      // Empty lines before the first block of the tail belong to the one before it.
      const blank = /^(?:[ \t]*\n)+/.exec(tail)?.[0] ?? '';
      if (blank !== '') {
        gap = true;
        tail = tail.slice(blank.length);
      }
      const tokens = lexMarkdown(tail);
      const lastBlock = lastBlockIndex(tokens);
      let taken = 0;
      for (const [index, token] of tokens.entries()) {
        if (index >= lastBlock) break;
        finish(renderBlock(token, look()), done);
        taken += token.raw.length;
        if (token.type === 'space' || hasGap(token.raw)) gap = true;
      }
      tail = tail.slice(taken);
      const opened = /^ {0,3}(`{3,}|~{3,})([^\n`]*)\n/.exec(tail);
      if (opened === null) {
        const live = renderBlocks(lexMarkdown(tail), look());
        return anything && gap && live.length > 0 ? ['', ...live] : live;
      }
      const [all, mark = '', language = ''] = opened;
      const { style } = look();
      finish([style.dim(`${mark}${language.trim()}`)], done);
      fence = { mark, highlight: createHighlighter(language, style) };
      tail = tail.slice(all.length);
      takeCode(done, false);
      if (fence !== undefined) return liveCode();
    }
  }

  function liveCode(): readonly string[] {
    return tail === '' ? [] : [withSpaces(tail)];
  }

  return {
    write(text) {
      if (fence === undefined && addWords(text)) return { done: [], live };
      const done: string[] = [];
      tail += text;
      added = 0;
      if (fence !== undefined) takeCode(done, false);
      live = fence === undefined ? takeBlocks(done) : liveCode();
      return { done, live };
    },
    end() {
      const done: string[] = [];
      takeCode(done, true);
      if (fence === undefined) done.push(...takeBlocks(done));
      tail = '';
      fence = undefined;
      gap = false;
      anything = false;
      live = [];
      return { done, live: [] };
    },
  };
}

/** The first of the tokens that may still change: the last block, and a list before it that it may turn out to belong to. */
function lastBlockIndex(tokens: readonly Token[]): number {
  const blocks = tokens.flatMap(({ type }, index) => (type === 'space' ? [] : [index]));
  const [before = 0, last = 0] = blocks.length < 2 ? [0, blocks[0]] : blocks.slice(-2);
  const isMark = /^ {0,3}(?:\d{1,9}[.)]?|[-*+])[ \t]*$/.test(tokens[last]?.raw ?? '');
  return isMark && tokens[before]?.type === 'list' ? before : last;
}

/** A second of text on a fast machine. */
const piecesAddedMax = 32;

function closes(line: string, mark: string): boolean {
  const trimmed = line.trim();
  return /^ {0,3}\S/.test(line) && trimmed.length >= mark.length && trimmed === mark.charAt(0).repeat(trimmed.length);
}
