import type { AnswerOptions, PromptParts } from '@gemma-cli/app';
import type { GemmaErrorJson } from '@gemma-cli/contracts';
import type { CommandInput, Input, Output } from '../command.ts';
import type {
  AnswerFlags,
  AnswerForm,
  AskLine,
  ClientLine,
  Connect,
  Connection,
  ConnectionProtocol,
  Frame,
} from './connection.ts';
import { UsageProblem } from './usage-problem.ts';

/** The version of the lines that are sent and come back. */
export const connectionProtocol: ConnectionProtocol = 1;

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
  const form = await readFormIfAny(world, input);
  const flags: AnswerFlags = { ...(await answerFlags(input)), ...(form === undefined ? {} : { form }) };
  const prompt = await readPrompt(world, input).catch((error: unknown) => {
    // What was read until Ctrl-C is no prompt, and what is wrong with it concerns nobody.
    if (signal.aborted) return undefined;
    throw error;
  });
  if (prompt === undefined || signal.aborted) return 130;
  const line: AskLine = { type: 'ask', protocol: connectionProtocol, cwd, env: sentVariables(env), flags, prompt };

  for (let attempt = 1; ; attempt += 1) {
    const connection = await connect();
    try {
      send(connection, line);
      const { answerStyle, createAnswerRenderer } = await import('../render/answer-renderer.ts');
      const { createLogPrinter } = await import('../render/log-printer.ts');
      const { stdin, stdout, stderr } = world;
      const style = answerStyle(input.options);
      const outcome = await showAnswer(connection, {
        renderer: createAnswerRenderer(style, { stdout, stderr, cwd }),
        onLog: createLogPrinter(input, stderr),
        signal,
        offers: async (error) =>
          attempt === 1 &&
          !style.json &&
          stdin.isTTY === true &&
          stderr.isTTY === true &&
          (await offer(error, { env, cwd, stdin, stderr, signal })),
      });
      if (outcome !== 'again') return outcome;
    } finally {
      await connection.close();
    }
  }
}

/** Offers to mend what is missing, on the terminal of the question. Gives whether it is there now. */
async function offer(
  { code, model }: GemmaErrorJson,
  context: import('../client/offer-setup.ts').SetupContext,
): Promise<boolean> {
  if (code === 'RUNTIME_NOT_INSTALLED') return (await import('../client/offer-runtime.ts')).offerRuntime(context);
  // Of a model that was named, by an option or a role, another one is no substitute.
  if (code !== 'MODEL_NOT_FOUND' || model !== 'auto') return false;
  const { needsSetup, offerSetup } = await import('../client/offer-setup.ts');
  return (await needsSetup(context)) && (await offerSetup(context));
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
  // A role may have a prompt of its own; whether it needs a question is for the answering side to say.
  const mayBeEmpty = input.options['role'] !== undefined;
  return readPromptParts({ words, files, cwd, stdin: world.stdin, signal, onQuietStdin, mayBeEmpty });
}

/** The form of the answer; the reading is loaded only when one is asked for. */
async function readFormIfAny({ cwd }: AnswerOnceOptions, input: CommandInput): Promise<AnswerForm | undefined> {
  const { schema, 'schema-multi': list, grammar } = input.options;
  if (schema === undefined && list === undefined && grammar === undefined) return undefined;
  return (await import('./read-form.ts')).readForm(input, cwd);
}

interface ShowOptions {
  readonly renderer: import('../render/answer-renderer.ts').AnswerRenderer;
  readonly onLog: import('../render/log-printer.ts').LogPrinter;
  readonly signal: AbortSignal;
  /** Whether the cause of this error was removed, so that asking again makes sense. */
  readonly offers: (error: GemmaErrorJson) => Promise<boolean>;
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
      else if (frame.type === 'style') renderer.extractBy(frame.extract);
      else if (frame.type === 'error') {
        renderer.clearProgress();
        if (await offers(frame.error)) return 'again';
        await renderer.error(frame.error);
        return frame.exitCode;
      } else await renderer.event(frame);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  if (renderer.finishReason === 'aborted') return 130;
  return renderer.isCut ? 1 : 0;
}

function send(connection: Connection, line: ClientLine): void {
  connection.send(`${JSON.stringify(line)}\n`);
}

/** The flags of an answer, checked. */
export async function answerFlags(input: CommandInput): Promise<AnswerFlags> {
  const { model, system, engine, role, rag, memory } = input.options;
  const pairs = listOption(input, 'option');
  // Loaded only when it is needed: the plain prompt has no -o.
  const parsed = pairs.length === 0 ? {} : (await import('./parse-answer-options.ts')).parseAnswerOptions(pairs);
  const speculation = speculationFlag(input);
  const logprobs = logprobsFlag(input);
  const options: AnswerOptions = {
    ...parsed,
    ...(speculation === undefined ? {} : { speculation }),
    ...(logprobs === undefined ? {} : { logprobs }),
  };
  const params = paramFlags(input);
  if (model === '') throw new UsageProblem('Expected NAME|FILE after --model, got an empty text.');
  if (role === undefined && params !== undefined)
    throw new UsageProblem('Expected --role with --param, got none. A parameter is a value for a place of a role.');
  return {
    ...(typeof model === 'string' ? { model } : {}),
    ...(typeof system === 'string' && system !== '' ? { system } : {}),
    ...(engine === 'legacy' || engine === 'optimized' ? { engine } : {}),
    ...(rag === 'auto' || rag === 'on' || rag === 'off' ? { rag } : {}),
    ...(typeof memory === 'string' ? { memory } : {}),
    ...(Object.keys(options).length === 0 ? {} : { options }),
    ...(typeof role === 'string' ? { role } : {}),
    ...(params === undefined ? {} : { params }),
  };
}

function speculationFlag({ options }: CommandInput): AnswerOptions['speculation'] {
  const { speculation, 'draft-model': draft } = options;
  if (typeof draft === 'string') {
    if (speculation !== undefined)
      throw new UsageProblem(
        `Expected --speculation or --draft-model, got both. There is one way of guessing at a time.`,
      );
    return { type: 'draft', model: draft };
  }
  return speculation === 'prompt-lookup' ? { type: 'prompt-lookup' } : undefined;
}

function logprobsFlag({ options }: CommandInput): number | undefined {
  const { logprobs, json } = options;
  if (typeof logprobs !== 'string') return undefined;
  if (!/^\d{1,2}$/.test(logprobs) || Number(logprobs) > 20)
    throw new UsageProblem(`Expected --logprobs to be a number from 0 to 20, got ${JSON.stringify(logprobs)}.`);
  if (json !== true) throw new UsageProblem('Expected --json with --logprobs: text has no room for them.');
  return Number(logprobs);
}

function paramFlags(input: CommandInput): Readonly<Record<string, string>> | undefined {
  const pairs = listOption(input, 'param');
  if (pairs.length === 0) return undefined;
  return Object.fromEntries(
    pairs.map((pair) => {
      const match = /^([A-Za-z_][\w-]*)=([^]*)$/.exec(pair);
      if (match === null)
        throw new UsageProblem(`Expected -p KEY=VALUE, got ${JSON.stringify(pair)}.`, { param: pair });
      return [match[1], match[2]];
    }),
  ) as Record<string, string>;
}

function listOption({ options }: CommandInput, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

/** The variables that configure gemma, and those that say where it runs: the only ones that leave this process. */
function sentVariables(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries = Object.entries(env).filter(
    ([name, value]) => value !== undefined && (name.startsWith('GEMMA_') || machineVariables.includes(name)),
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Where executables are, and what a model process on Windows or with a graphics card needs. */
const machineVariables = [
  'PATH',
  'Path',
  'SystemRoot',
  'TEMP',
  'TMP',
  'CUDA_VISIBLE_DEVICES',
  'GGML_VK_VISIBLE_DEVICES',
];
