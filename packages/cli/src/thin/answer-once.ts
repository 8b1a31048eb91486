import type { PromptParts } from '@gemma-cli/app';
import type { CommandInput, Input, Output } from '../command.ts';
import {
  connectionProtocol,
  type AnswerFlags,
  type AskLine,
  type ClientLine,
  type Connect,
  type Connection,
  type Frame,
} from './connection.ts';
import { UsageProblem } from './usage-problem.ts';

/** What one answer needs of the world. */
export interface AnswerOnceOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: Input;
  /** Whether stdin is a terminal. Default: `stdin.isTTY`. */
  readonly stdinIsTerminal?: boolean | undefined;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signal: AbortSignal;
  readonly connect: Connect;
}

/**
 * Sends one question and shows its answer: the warm path. Until the question is sent it loads nothing but this file and
 * its neighbours; the renderer is loaded while the other side works.
 */
export async function answerOnce(world: AnswerOnceOptions, input: CommandInput): Promise<number> {
  const { env, cwd, signal, connect } = world;
  const flags = await answerFlags(input);
  const prompt = await readPrompt(world, input).catch((error: unknown) => {
    // What was read until Ctrl-C is no prompt, and what is wrong with it concerns nobody.
    if (signal.aborted) return undefined;
    throw error;
  });
  if (prompt === undefined || signal.aborted) return 130;
  const line: AskLine = { type: 'ask', protocol: connectionProtocol, cwd, env: gemmaVariables(env), flags, prompt };

  for (let attempt = 1; ; attempt += 1) {
    const connection = await connect();
    try {
      send(connection, line);
      const { answerStyle, createAnswerRenderer } = await import('../render/answer-renderer.ts');
      const { createLogPrinter } = await import('../render/log-printer.ts');
      const { stdin, stdout, stderr } = world;
      const style = answerStyle(input.options);
      const outcome = await showAnswer(connection, {
        renderer: createAnswerRenderer(style, { stdout, stderr }),
        onLog: createLogPrinter(input, stderr),
        signal,
        offers: async (code) =>
          attempt === 1 &&
          code === 'RUNTIME_NOT_INSTALLED' &&
          !style.json &&
          stdin.isTTY === true &&
          stderr.isTTY === true &&
          (await import('../client/offer-runtime.ts')).offerRuntime({ env, cwd, stdin, stderr, signal }),
      });
      if (outcome !== 'again') return outcome;
    } finally {
      await connection.close();
    }
  }
}

/** The words alone, when nothing else is to be read; the reading is loaded otherwise. */
async function readPrompt(world: AnswerOnceOptions, input: CommandInput): Promise<PromptParts> {
  const { cwd, signal, stdinIsTerminal = world.stdin.isTTY === true } = world;
  const files = listOption(input, 'file');
  const words = input.arguments;
  if (stdinIsTerminal && files.length === 0 && words.some((word) => word.trim() !== ''))
    return { text: words.join(' ') };
  const { readPromptParts } = await import('./read-input.ts');
  const onQuietStdin = (): void => {
    if (input.options['quiet'] !== true)
      world.stderr.write('gemma: waiting for standard input to end; `</dev/null` gives none\n');
  };
  return readPromptParts({ words, files, cwd, stdin: world.stdin, signal, onQuietStdin });
}

interface ShowOptions {
  readonly renderer: import('../render/answer-renderer.ts').AnswerRenderer;
  readonly onLog: import('../render/log-printer.ts').LogPrinter;
  readonly signal: AbortSignal;
  /** Whether the cause of this error was removed, so that asking again makes sense. */
  readonly offers: (code: string) => Promise<boolean>;
}

async function showAnswer(
  connection: Connection,
  { renderer, onLog, signal, offers }: ShowOptions,
): Promise<number | 'again'> {
  const onAbort = (): void => send(connection, { type: 'abort' });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    for await (const text of connection.lines) {
      const frame = JSON.parse(text) as Frame;
      if (frame.type === 'log') onLog(frame);
      else if (frame.type === 'error') {
        renderer.clearProgress();
        if (await offers(frame.error.code)) return 'again';
        await renderer.error(frame.error);
        return frame.exitCode;
      } else await renderer.event(frame);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  return renderer.finishReason === 'aborted' ? 130 : 0;
}

function send(connection: Connection, line: ClientLine): void {
  connection.send(`${JSON.stringify(line)}\n`);
}

/** The flags of an answer, checked. */
export async function answerFlags(input: CommandInput): Promise<AnswerFlags> {
  const { model, system, engine } = input.options;
  const pairs = listOption(input, 'option');
  // Loaded only when it is needed: the plain prompt has no -o.
  const options =
    pairs.length === 0 ? undefined : (await import('./parse-answer-options.ts')).parseAnswerOptions(pairs);
  if (model === '') throw new UsageProblem('Expected NAME|FILE after --model, got an empty text.');
  return {
    ...(typeof model === 'string' ? { model } : {}),
    ...(typeof system === 'string' && system !== '' ? { system } : {}),
    ...(engine === 'legacy' || engine === 'optimized' ? { engine } : {}),
    ...(options === undefined ? {} : { options }),
  };
}

function listOption({ options }: CommandInput, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

/** The variables that configure gemma: the only ones that leave this process. */
function gemmaVariables(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries = Object.entries(env).filter(([name, value]) => name.startsWith('GEMMA_') && value !== undefined);
  return Object.fromEntries(entries) as Record<string, string>;
}
