import type { AnswerStart, AppEvent, Citation } from '@gemma-cli/app';
import type { FinishReason, GemmaErrorJson, GenerationEnd } from '@gemma-cli/contracts';
import type { Output } from '../command.ts';
import { UsageProblem } from '../thin/usage-problem.ts';
import { extractCodeBlock } from './extract-code-block.ts';
import { citationLines, passagesLine } from './render-citations.ts';
import { renderFigures } from './render-figures.ts';
import { createTerminalSanitizer, sanitizeTerminalText } from './sanitize-terminal-text.ts';
import { stringifyJson } from './stringify-json.ts';

/** How answers are shown. */
export interface AnswerStyle {
  /** One object at the end, or with `stream` one line for each event. */
  readonly json: boolean;
  /** While it comes, or when it is complete. */
  readonly stream: boolean;
  /** A line on stderr after the answer: `usage` tokens and times, `stats` also which model and engine it was. */
  readonly figures: 'usage' | 'stats' | undefined;
  /** Only this code block is printed. `undefined` = all of the answer. */
  readonly extract: 'first' | 'last' | undefined;
  /** No commentary on stderr. */
  readonly quiet: boolean;
}

/**
 * The style that options ask for.
 *
 * @throws UsageProblem for options that exclude each other.
 */
export function answerStyle(options: Readonly<Record<string, unknown>>): AnswerStyle {
  const json = options['json'] === true;
  const stream = options['stream'] === undefined ? !json : options['stream'] === true;
  const first = options['extract'] === true;
  const last = options['extract-last'] === true;
  if (first && last) throw new UsageProblem('Expected --extract or --extract-last, got both.');
  if ((first || last) && json && stream)
    throw new UsageProblem('Expected --extract without --stream: a code block is known only at the end of the answer.');
  return {
    json,
    stream,
    figures: options['stats'] === true ? 'stats' : options['usage'] === true ? 'usage' : undefined,
    extract: first ? 'first' : last ? 'last' : undefined,
    quiet: options['quiet'] === true,
  };
}

/** Shows one answer. */
export interface AnswerRenderer {
  /** Shows an event. Resolves when the output takes more. */
  event(event: AppEvent): Promise<void>;
  /** Wipes what is shown of progress, before somebody else writes. */
  clearProgress(): void;
  /** Shows the error that ended the answer, after the part of the text that came. */
  error(error: GemmaErrorJson): Promise<void>;
  /** Prints only this code block, unless the command line said which. Before the answer begins. */
  extractBy(which: 'first' | 'last'): void;
  /** An answer that is held to a form was cut before it had that form. */
  readonly isCut: boolean;
  /** How the answer ended. `undefined` before the end and after an error. */
  readonly finishReason: FinishReason | undefined;
}

/** The object that `--json` prints. */
export interface AnswerJson {
  readonly text: string;
  readonly model: string;
  readonly engine: AnswerStart['engine'];
  readonly finishReason: FinishReason;
  readonly usage: GenerationEnd['usage'];
  readonly timings: GenerationEnd['timings'];
  /** With `--schema`: the answer, read. Left out when it was cut. */
  readonly value?: unknown;
  /** With `--extract`: the code block. `null` = the answer has none. */
  readonly code?: string | null;
  /** With `--logprobs`: the tokens of the answer. */
  readonly logprobs?: readonly unknown[];
  /** Where the sentences come from. Absent when no passage stood before the question. */
  readonly citations?: readonly Citation[];
}

/** Makes the renderer of one answer. Text is cleaned when stdout is a terminal, and passed on as it is otherwise. */
export function createAnswerRenderer(
  style: AnswerStyle,
  { stdout, stderr, cwd }: { readonly stdout: Output; readonly stderr: Output; readonly cwd: string },
): AnswerRenderer {
  const { json, quiet } = style;
  let extract = style.extract;
  // What is extracted is known at the end only.
  let stream = style.stream && extract === undefined;
  const sanitizer = stdout.isTTY === true ? createTerminalSanitizer() : undefined;
  const showsProgress = stderr.isTTY === true && !quiet && !json;
  let start: AnswerStart | undefined;
  let text = '';
  /** The last character that was printed. */
  let last = '';
  let progress = false;
  let finishReason: FinishReason | undefined;
  let isCut = false;
  let citations: readonly Citation[] | undefined;
  const logprobs: unknown[] = [];

  async function print(piece: string): Promise<void> {
    if (piece === '') return;
    clearProgress();
    last = piece.slice(-1);
    await write(stdout, piece);
  }

  function extracted(): string | undefined {
    return extract === undefined ? undefined : extractCodeBlock(text, extract);
  }

  /** The whole of the text, if it was held back, and a newline that closes it. */
  async function printRest(): Promise<void> {
    if (!stream) {
      const shown = extracted() ?? text;
      await print(sanitizer === undefined ? shown : sanitizer.write(shown));
    }
    if (sanitizer !== undefined) await print(sanitizer.end());
    if (last !== '' && last !== '\n') await print('\n');
  }

  function clearProgress(): void {
    if (progress) stderr.write('\r\u001B[K');
    progress = false;
  }

  function answerJson({ model, engine, format }: AnswerStart, { reason, usage, timings }: GenerationEnd): AnswerJson {
    const { requested, active, reason: why, runtime } = engine;
    const { promptTokens, cachedTokens, evaluatedTokens, outputTokens, ...others } = usage;
    const { queueMs, loadMs, promptMs, ttftMs, tpotMs, totalMs } = timings;
    const value = format === 'json' && reason === 'stop' ? parsed(text) : undefined;
    return {
      text,
      model: model.name,
      engine: { requested, active, ...(why === undefined ? {} : { reason: why }), runtime },
      finishReason: reason,
      usage: { promptTokens, cachedTokens, evaluatedTokens, outputTokens, ...others },
      timings: { queueMs, loadMs, promptMs, ttftMs, tpotMs, totalMs },
      ...(value === undefined ? {} : { value }),
      ...(extract === undefined ? {} : { code: extracted() ?? null }),
      ...(logprobs.length === 0 ? {} : { logprobs }),
      ...(citations === undefined ? {} : { citations }),
    };
  }

  return {
    clearProgress,
    get finishReason() {
      return finishReason;
    },
    get isCut() {
      return isCut;
    },
    extractBy(which) {
      // Who reads events or an object gets all of the answer.
      if (json || extract !== undefined) return;
      extract = which;
      stream = false;
    },
    async event(event) {
      if (json && stream) await write(stdout, `${stringifyJson(event)}\n`);
      switch (event.type) {
        case 'answer-start':
          start = event;
          break;
        case 'notice':
          clearProgress();
          if (event.code === 'ANSWER_CUT') isCut = true;
          if (!quiet && !(json && stream)) stderr.write(`gemma: ${sanitizeTerminalText(event.message)}\n`);
          break;
        case 'passages':
          clearProgress();
          if (!quiet && !(json && stream)) stderr.write(`gemma: ${passagesLine(event.passages, cwd)}\n`);
          break;
        case 'citations':
          citations = event.citations;
          break;
        case 'load-start':
          if (showsProgress) stderr.write(`Loading ${sanitizeTerminalText(event.model)} …`);
          progress = showsProgress;
          break;
        case 'load-end':
          clearProgress();
          break;
        case 'prompt-trimmed':
        case 'threads-changed':
        case 'tool-call':
        case 'tool-call-cut':
          break;
        case 'text-delta':
          text += event.text;
          if (event.logprobs !== undefined) logprobs.push(...event.logprobs);
          if (stream && !json) await print(sanitizer === undefined ? event.text : sanitizer.write(event.text));
          break;
        case 'generation-end':
          finishReason = event.reason;
          if (event.logprobs !== undefined) logprobs.push(...event.logprobs);
          clearProgress();
          if (json && !stream && start !== undefined)
            await write(stdout, `${stringifyJson(answerJson(start, event))}\n`);
          if (!json) await printRest();
          if (extract !== undefined && extracted() === undefined && !quiet)
            stderr.write('gemma: the answer has no code block; this is all of it\n');
          if (citations !== undefined && !quiet && !json)
            for (const line of citationLines(citations, cwd)) stderr.write(`${line}\n`);
          if (style.figures !== undefined && start !== undefined)
            stderr.write(`${renderFigures(style.figures, start, event)}\n`);
          break;
      }
    },
    async error(error) {
      clearProgress();
      const { renderErrorJson, renderErrorText } = await import('./render-error.ts');
      if (json) {
        await write(stdout, renderErrorJson(text === '' ? error : { ...error, partialText: text }));
        return;
      }
      await printRest();
      stderr.write(renderErrorText(error));
    },
  };
}

/** JSON read; a stop string may have cut what the grammar would have completed, and then there is no value. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Writes and waits while the reader is slow. A reader that has gone ends the wait; who listens to `error` knows why. */
function write(output: Output, text: string): Promise<void> {
  if (output.destroyed || output.write(text)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      output.off('drain', done).off('close', done).off('error', done);
      resolve();
    };
    output.on('drain', done).on('close', done).on('error', done);
  });
}
