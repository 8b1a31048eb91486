import type { AnswerStart, AppEvent } from '@gemma-cli/app';
import type { FinishReason, GemmaErrorJson, GenerationEnd } from '@gemma-cli/contracts';
import type { Output } from '../command.ts';
import { createTerminalSanitizer, sanitizeTerminalText } from './sanitize-terminal-text.ts';
import { stringifyJson } from './stringify-json.ts';

/** How answers are shown. */
export interface AnswerStyle {
  /** One object at the end, or with `stream` one line for each event. */
  readonly json: boolean;
  /** While it comes, or when it is complete. */
  readonly stream: boolean;
  /** A line of figures on stderr after the answer. */
  readonly stats: boolean;
  /** No commentary on stderr. */
  readonly quiet: boolean;
}

/** The style that options ask for. */
export function answerStyle(options: Readonly<Record<string, unknown>>): AnswerStyle {
  const json = options['json'] === true;
  const stream = options['stream'] === undefined ? !json : options['stream'] === true;
  return { json, stream, stats: options['stats'] === true, quiet: options['quiet'] === true };
}

/** Shows one answer. */
export interface AnswerRenderer {
  /** Shows an event. Resolves when the output takes more. */
  event(event: AppEvent): Promise<void>;
  /** Wipes what is shown of progress, before somebody else writes. */
  clearProgress(): void;
  /** Shows the error that ended the answer, after the part of the text that came. */
  error(error: GemmaErrorJson): Promise<void>;
  /** How the answer ended. `undefined` before the end and after an error. */
  readonly finishReason: FinishReason | undefined;
}

/** The object that `--json` prints. */
export interface AnswerJson {
  readonly text: string;
  readonly model: string;
  readonly engine: AnswerStart['engine'];
  readonly finishReason: FinishReason;
  readonly usage: Omit<GenerationEnd['usage'], 'evaluatedTokens'>;
  readonly timings: GenerationEnd['timings'];
}

/** Makes the renderer of one answer. Text is cleaned when stdout is a terminal, and passed on as it is otherwise. */
export function createAnswerRenderer(
  style: AnswerStyle,
  { stdout, stderr }: { stdout: Output; stderr: Output },
): AnswerRenderer {
  const { json, stream, quiet } = style;
  const sanitizer = stdout.isTTY === true ? createTerminalSanitizer() : undefined;
  const showsProgress = stderr.isTTY === true && !quiet && !json;
  let start: AnswerStart | undefined;
  let text = '';
  /** The last character that was printed. */
  let last = '';
  let progress = false;
  let finishReason: FinishReason | undefined;

  async function print(piece: string): Promise<void> {
    if (piece === '') return;
    clearProgress();
    last = piece.slice(-1);
    await write(stdout, piece);
  }

  /** The whole of the text, if it was held back, and a newline that closes it. */
  async function printRest(): Promise<void> {
    if (!stream) await print(sanitizer === undefined ? text : sanitizer.write(text));
    if (sanitizer !== undefined) await print(sanitizer.end());
    if (last !== '' && last !== '\n') await print('\n');
  }

  function clearProgress(): void {
    if (progress) stderr.write('\r\u001B[K');
    progress = false;
  }

  return {
    clearProgress,
    get finishReason() {
      return finishReason;
    },
    async event(event) {
      if (json && stream) await write(stdout, `${stringifyJson(event)}\n`);
      switch (event.type) {
        case 'answer-start':
          start = event;
          break;
        case 'notice':
          clearProgress();
          if (!quiet && !(json && stream)) stderr.write(`gemma: ${sanitizeTerminalText(event.message)}\n`);
          break;
        case 'load-start':
          if (showsProgress) stderr.write(`Loading ${sanitizeTerminalText(event.model)} …`);
          progress = showsProgress;
          break;
        case 'load-end':
          clearProgress();
          break;
        case 'prompt-trimmed':
          break;
        case 'text-delta':
          text += event.text;
          if (stream && !json) await print(sanitizer === undefined ? event.text : sanitizer.write(event.text));
          break;
        case 'generation-end':
          finishReason = event.reason;
          clearProgress();
          if (json && !stream && start !== undefined)
            await write(stdout, `${stringifyJson(answerJson(text, start, event))}\n`);
          if (!json) await printRest();
          if (style.stats && start !== undefined) stderr.write(`${renderStats(start, event)}\n`);
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

function answerJson(text: string, start: AnswerStart, { reason, usage, timings }: GenerationEnd): AnswerJson {
  const { requested, active, reason: why, runtime } = start.engine;
  const { promptTokens, cachedTokens, outputTokens } = usage;
  const { queueMs, loadMs, promptMs, ttftMs, tpotMs, totalMs } = timings;
  return {
    text,
    model: start.model.name,
    engine: { requested, active, ...(why === undefined ? {} : { reason: why }), runtime },
    finishReason: reason,
    usage: { promptTokens, cachedTokens, outputTokens },
    timings: { queueMs, loadMs, promptMs, ttftMs, tpotMs, totalMs },
  };
}

/** One line of figures; a number that is not known is left out. */
function renderStats({ model, engine }: AnswerStart, { usage, timings, reason }: GenerationEnd): string {
  const { promptTokens, cachedTokens, outputTokens } = usage;
  const { ttftMs, tpotMs, loadMs, totalMs } = timings;
  const parts = [
    sanitizeTerminalText(model.name),
    `${engine.active} engine (${engine.runtime})`,
    ...(promptTokens === null
      ? []
      : [`prompt ${promptTokens} tokens${cachedTokens === null ? '' : `, ${cachedTokens} cached`}`]),
    ...(outputTokens === null ? [] : [`answer ${outputTokens} tokens`]),
    ...(loadMs === 0 ? [] : [`load ${seconds(loadMs)}`]),
    ...(ttftMs === null ? [] : [`first token ${seconds(ttftMs)}`]),
    ...(tpotMs === null || tpotMs === 0 ? [] : [`${(1000 / tpotMs).toFixed(1)} tokens/s`]),
    `total ${seconds(totalMs)}`,
    ...(reason === 'stop' ? [] : [reason === 'length' ? 'cut at the token limit' : 'stopped']),
  ];
  return parts.join(' · ');
}

function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
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
