import type { AnswerStart, AppEvent } from '@gemma-cli/app';
import type { GemmaErrorJson, GenerationEnd } from '@gemma-cli/contracts';
import type { Output } from '../command.ts';
import { createTerminalSanitizer, sanitizeTerminalText } from '../render/sanitize-terminal-text.ts';
import { passagesLine } from '../render/render-citations.ts';
import { renderErrorText } from '../render/render-error.ts';
import { renderAnswerFigures, renderStatus } from '../render/render-figures.ts';
import type { TerminalOutput } from './line-editor.ts';
import { createLiveRegion } from './live-region.ts';
import { createMarkdownStream, type MarkdownFrame } from './markdown-stream.ts';
import type { TerminalStyle } from './terminal-style.ts';

/** What {@link createChatRenderer} takes. */
export interface ChatRendererOptions {
  readonly stdout: TerminalOutput;
  readonly stderr: Output;
  readonly style: TerminalStyle;
  /** The terminal knows no control sequences: the text is shown as it comes. */
  readonly dumb: boolean;
  /** While it comes, or when it is complete. */
  readonly stream: boolean;
  /** No commentary. */
  readonly quiet: boolean;
  /** Absolute working directory: files near it are named by their way from it. */
  readonly cwd: string;
  /** Shows all numbers of the answer, and not only the line of the status. */
  readonly stats: boolean;
  /** Says why the threads changed, too. */
  readonly verbose: boolean;
  /** Tokens of context of the model; `null` when that is not known. */
  readonly contextTokens: () => number | null;
  /** The threads that this answer is computed on, one after the other; empty when nobody knows. */
  readonly threads: () => readonly number[];
  /** Name of a model that is being loaded already, so that no event tells of it. */
  readonly loading: string | undefined;
}

/** Shows one answer of a chat on a terminal. */
export interface ChatRenderer {
  event(event: AppEvent): void;
  /** Shows the error that ended the answer, after the part of the text that came. */
  error(error: GemmaErrorJson): void;
  /** Keeps a line of commentary until the answer is complete. */
  note(line: string): void;
}

/** Prose is easiest to read in lines that are not much longer than this. */
const proseCellsMax = 120;

/** Makes the renderer of one answer. Everything that the model says is cleaned before it is looked at. */
export function createChatRenderer(options: ChatRendererOptions): ChatRenderer {
  const { stdout, stderr, style, dumb, stream, quiet, stats, verbose } = options;
  const sanitizer = createTerminalSanitizer();
  const markdown = createMarkdownStream(() => ({ width: Math.min(stdout.columns || 80, proseCellsMax), style }));
  const region = createLiveRegion(stdout);
  const notes: string[] = [];
  let start: AnswerStart | undefined;
  let held = '';
  let last = '';
  let progress = false;
  let began = false;

  function showProgress(model: string): void {
    if (quiet || stderr.isTTY !== true || progress) return;
    stderr.write(`Loading ${sanitizeTerminalText(model)} …${dumb ? '\n' : ''}`);
    progress = !dumb;
  }

  function clearProgress(): void {
    if (progress) stderr.write('\r\u001B[K');
    progress = false;
  }

  function show({ done, live }: MarkdownFrame): void {
    region.update([...done, ...live]);
    region.settle(done.length);
  }

  function print(text: string): void {
    if (text === '') return;
    clearProgress();
    began = true;
    if (dumb) {
      last = text.slice(-1);
      stdout.write(text);
    } else show(markdown.write(text));
  }

  function endText(): void {
    if (!stream) print(sanitizer.write(held));
    held = '';
    print(sanitizer.end());
    clearProgress();
    if (dumb) {
      if (last !== '' && last !== '\n') stdout.write('\n');
      last = '';
    } else {
      show(markdown.end());
      region.end();
    }
  }

  function comment(line: string): void {
    stderr.write(`${stderr.isTTY === true ? style.dim(line) : line}\n`);
  }

  function endNotes(): void {
    for (const line of notes.splice(0)) comment(line);
  }

  function end(event: GenerationEnd): void {
    endText();
    endNotes();
    if (start === undefined) return;
    const threads = options.threads();
    const lines = stats ? renderAnswerFigures({ start, end: event, threads }) : [];
    if (!quiet) lines.unshift(renderStatus(start, event, options.contextTokens(), threads));
    for (const line of lines) comment(sanitizeTerminalText(line));
  }

  if (options.loading !== undefined) showProgress(options.loading);

  return {
    event(event) {
      switch (event.type) {
        case 'answer-start':
          start = event;
          break;
        case 'notice':
          if (quiet) break;
          // Once text is shown, its end belongs to the region that is still being written.
          if (began) notes.push(`gemma: ${sanitizeTerminalText(event.message)}`);
          else {
            clearProgress();
            stderr.write(`gemma: ${sanitizeTerminalText(event.message)}\n`);
          }
          break;
        case 'passages':
          if (quiet) break;
          clearProgress();
          stderr.write(`gemma: ${passagesLine(event.passages, options.cwd)}\n`);
          break;
        case 'load-start':
          showProgress(event.model);
          break;
        case 'load-end':
          clearProgress();
          break;
        case 'text-delta':
          if (stream) print(sanitizer.write(event.text));
          else held += event.text;
          break;
        case 'threads-changed':
          if (verbose) notes.push(`threads ${event.from} → ${event.to}: ${sanitizeTerminalText(event.reason)}`);
          break;
        case 'generation-end':
          end(event);
          break;
        default:
      }
    },
    error(error) {
      endText();
      endNotes();
      stderr.write(renderErrorText(error));
    },
    note: (line) => notes.push(line),
  };
}
