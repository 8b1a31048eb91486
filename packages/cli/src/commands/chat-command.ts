import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { AppEvent, ChatSession } from '@gemma-cli/app';
import { errorCodes } from '@gemma-cli/contracts';
import type { CommandContext, CommandDefinition, CommandInput, Output } from '../command.ts';
import type { CommandServices } from '../command-services.ts';
import { chatOptions } from '../option-table.ts';
import { answerStyle, createAnswerRenderer, type AnswerStyle } from '../render/answer-renderer.ts';
import { createLogPrinter } from '../render/log-printer.ts';
import { exitCodeOf, typedError } from '../render/render-error.ts';
import { answerFlags } from '../thin/answer-once.ts';

/** `gemma chat`: a conversation, line by line. */
export function chatCommand(services: CommandServices): CommandDefinition {
  return {
    name: 'chat',
    summary: 'Hold a conversation.',
    options: chatOptions,
    examples: [
      { command: 'gemma chat', effect: 'talks with the default model; /help lists what can be typed' },
      { command: 'gemma chat -m gemma3:1b -s "Answer in one sentence"', effect: 'another model, with an instruction' },
      { command: 'gemma chat --stats', effect: 'shows tokens and times after each answer' },
    ],
    run: (context, input) => chat(context, input, services),
  };
}

const help = `/help           show this
/clear          forget the conversation
/stats          messages, tokens and times so far
/bye            leave; so do /exit, /quit and Ctrl-D
Ctrl-C          stop the answer and keep the conversation; twice on an empty line, leave
`;

/**
 * Codes after which the next message would fail in the same way: the chat ends with them. Every other error is shown, and
 * the conversation goes on.
 */
const finalCodes: ReadonlySet<string> = new Set([
  'MODEL_NOT_FOUND',
  'MODEL_INVALID',
  'MODEL_UNSUPPORTED',
  'RUNTIME_NOT_INSTALLED',
  'IMPLEMENTATION_LOAD_FAILED',
  'UNSUPPORTED',
  'OPTION_UNSUPPORTED',
]);

/** Runs a chat until its user leaves, or its input ends. Gives the exit code. */
export async function chat(context: CommandContext, input: CommandInput, { worker }: CommandServices): Promise<number> {
  const { stdin, stdout, stderr, signal, cwd, env } = context;
  const flags = await answerFlags(input);
  const style = answerStyle({ json: context.options.json, quiet: context.options.quiet, ...input.options });
  const print = createLogPrinter(input, stderr);
  // Loaded here: help for this command needs none of it.
  const { openClient } = await import('../client/open-client.ts');
  await using client = await openClient({
    cwd,
    env,
    flags,
    worker,
    warn: (message) => print({ level: 'warn', message }),
    log: (message) => print({ level: 'info', message }),
  });
  const { model, system, options } = flags;
  const session = client.openSession({ model, system, options });
  const figures = createFigures();

  const interactive = stdin.isTTY === true && stdout.isTTY === true;
  let lines = readLines(context, interactive);
  try {
    if (interactive && !style.quiet) stderr.write('Type a message. /help lists commands, Ctrl-D leaves.\n');
    for (;;) {
      const line = await lines.next();
      if (line === undefined) return signal.aborted ? 130 : 0;
      const text = line.trim();
      if (text === '') continue;
      if (text.startsWith('/')) {
        if (['/bye', '/exit', '/quit'].includes(text)) return 0;
        command(text, { session, stderr, figures });
        continue;
      }
      let outcome = await turn(line, { session, style, context, lines, figures });
      if (outcome === 'runtime-missing') {
        // The installation asks on the same terminal: it must be alone there.
        lines.close();
        const { offerRuntime } = await import('../client/offer-runtime.ts');
        const installed = await offerRuntime(context);
        lines = readLines(context, interactive);
        if (installed) outcome = await turn(line, { session, style, context, lines, figures });
      }
      if (outcome === 'runtime-missing') return errorCodes.RUNTIME_NOT_INSTALLED.exitCode;
      if (outcome !== undefined) return outcome;
    }
  } finally {
    lines.close();
  }
}

interface TurnOptions {
  readonly session: ChatSession;
  readonly style: AnswerStyle;
  readonly context: CommandContext;
  readonly lines: Lines;
  readonly figures: Figures;
}

/** Shows one answer. Gives an exit code when the chat cannot go on, or what could be mended on this terminal. */
async function turn(
  text: string,
  { session, style, context, lines, figures }: TurnOptions,
): Promise<number | 'runtime-missing' | undefined> {
  const { stdin, stdout, stderr, signal } = context;
  const stop = new AbortController();
  const release = lines.onInterrupt(() => stop.abort());
  const renderer = createAnswerRenderer(style, { stdout, stderr });
  try {
    for await (const event of session.send(text, { signal: AbortSignal.any([signal, stop.signal]) })) {
      figures.take(event);
      await renderer.event(event);
    }
    return signal.aborted ? 130 : undefined;
  } catch (error) {
    const problem = typedError(error).toJSON();
    await renderer.error(problem);
    if (!style.json && problem.code === 'RUNTIME_NOT_INSTALLED' && stdin.isTTY === true && stderr.isTTY === true)
      return 'runtime-missing';
    return finalCodes.has(problem.code) ? exitCodeOf(problem) : undefined;
  } finally {
    release();
  }
}

function command(
  text: string,
  { session, stderr, figures }: { session: ChatSession; stderr: Output; figures: Figures },
): void {
  if (text === '/help' || text === '/?') stderr.write(help);
  else if (text === '/clear') {
    session.clear();
    stderr.write('The conversation is forgotten.\n');
  } else if (text === '/stats') stderr.write(`${figures.render(session)}\n`);
  else
    stderr.write(
      `There is no command ${JSON.stringify(text.split(/\s/)[0])}. /help lists them; begin with a space to send it as text.\n`,
    );
}

/** Sums over a conversation. */
interface Figures {
  take(event: AppEvent): void;
  render(session: ChatSession): string;
}

function createFigures(): Figures {
  let answers = 0;
  let promptTokens = 0;
  let cachedTokens = 0;
  let outputTokens = 0;
  let totalMs = 0;
  return {
    take(event) {
      if (event.type !== 'generation-end') return;
      answers += 1;
      promptTokens += event.usage.promptTokens ?? 0;
      cachedTokens += event.usage.cachedTokens ?? 0;
      outputTokens += event.usage.outputTokens ?? 0;
      totalMs += event.timings.totalMs;
    },
    render({ messages }) {
      const parts = [
        `${messages.length} messages`,
        `${answers} answers`,
        `prompt ${promptTokens} tokens, ${cachedTokens} cached`,
        `answers ${outputTokens} tokens`,
        `${(totalMs / 1000).toFixed(1)} s`,
      ];
      return parts.join(' · ');
    },
  };
}

/** The lines that a user types, or that a pipe brings. */
interface Lines {
  /** The next line; `undefined` when the input has ended or the user leaves. */
  next(): Promise<string | undefined>;
  /** Registers who stops when Ctrl-C comes during an answer. Gives a function that ends the registration. */
  onInterrupt(stop: () => void): () => void;
  close(): void;
}

function readLines({ stdin, stdout, stderr, signal }: CommandContext, interactive: boolean): Lines {
  const waiting: string[] = [];
  let stopAnswer: (() => void) | undefined;
  let muted = false;
  let closed = false;
  let interrupts = 0;
  let wake = (): void => undefined;

  // While an answer streams, what is typed is kept but not echoed into it.
  const echo = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (muted) done();
      else stdout.write(chunk, () => done());
    },
  });
  Object.defineProperties(echo, {
    isTTY: { get: () => stdout.isTTY },
    columns: { get: () => stdout.columns },
  });
  const reader = createInterface({
    input: stdin,
    ...(interactive ? { output: echo, prompt: '> ', historySize: 1000 } : {}),
    terminal: interactive,
  });
  reader.on('line', (line) => {
    interrupts = 0;
    waiting.push(line);
    wake();
  });
  reader.on('close', () => {
    closed = true;
    // On a terminal Ctrl-D means now; a pipe has only said everything it had to say.
    if (interactive) stopAnswer?.();
    wake();
  });
  // After the listeners: `close()` tells them at once.
  const onAbort = (): void => reader.close();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  reader.on('SIGINT', () => {
    if (stopAnswer !== undefined) stopAnswer();
    else if (reader.line !== '') {
      interrupts = 0;
      reader.write(null, { ctrl: true, name: 'e' });
      reader.write(null, { ctrl: true, name: 'u' });
    } else {
      interrupts += 1;
      if (interrupts >= 2) {
        reader.close();
        return;
      }
      stderr.write('\n(Ctrl-C once more, or Ctrl-D, leaves.)\n');
      reader.prompt();
    }
  });

  return {
    async next() {
      if (interactive && !closed && waiting.length === 0) {
        muted = false;
        reader.prompt(true);
      }
      while (waiting.length === 0) {
        if (closed) {
          if (interactive) stdout.write('\n');
          return undefined;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return waiting.shift();
    },
    onInterrupt(stop) {
      muted = true;
      interrupts = 0;
      stopAnswer = stop;
      if (closed && interactive) stop();
      return () => {
        muted = false;
        stopAnswer = undefined;
      };
    },
    close() {
      signal.removeEventListener('abort', onAbort);
      reader.close();
    },
  };
}
