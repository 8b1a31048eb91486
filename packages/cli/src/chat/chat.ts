import { randomInt } from 'node:crypto';
import { basename, join } from 'node:path';
import {
  fillPromptTemplate,
  type AnswerOptions,
  type AppEvent,
  type ChatSession,
  type Client,
  type PreparedModel,
} from '@gemma-cli/app';
import { ensureHome, homeLayout, loadConfig, setConfigValue } from '@gemma-cli/config';
import { GemmaError, requestDefaults, type Engine, type GemmaErrorJson } from '@gemma-cli/contracts';
import type { ModelStore } from '@gemma-cli/models';
import { openClient } from '../client/open-client.ts';
import { resolveFlags } from '../client/resolve-flags.ts';
import type { CommandContext, CommandInput } from '../command.ts';
import type { CommandServices } from '../command-services.ts';
import { localPath } from '../commands/local-path.ts';
import { storeOf } from '../commands/open-store.ts';
import { answerStyle, createAnswerRenderer, type AnswerStyle } from '../render/answer-renderer.ts';
import { exitCodeOf, renderErrorText, typedError } from '../render/render-error.ts';
import { sanitizeTerminalText } from '../render/sanitize-terminal-text.ts';
import { answerFlags } from '../thin/answer-once.ts';
import {
  chatCommands,
  isChatCommand,
  runChatCommand,
  type ChatModel,
  type ChatWorld,
  type CommandOutcome,
} from './chat-commands.ts';
import { askToRemember, type AskedToRemember } from './ask-to-remember.ts';
import { createFigures } from './figures.ts';
import { readPipedLines } from './piped-lines.ts';
import type { ChatTerminal } from './chat-terminal.ts';

/** Codes after which every next message fails in the same way: the chat ends with them. */
const finalCodes: ReadonlySet<string> = new Set(['RUNTIME_NOT_INSTALLED', 'IMPLEMENTATION_LOAD_FAILED', 'UNSUPPORTED']);

/** Codes after which another model or option may do: a person can choose one, a pipe cannot. */
const modelCodes: ReadonlySet<string> = new Set([
  'MODEL_NOT_FOUND',
  'MODEL_INVALID',
  'MODEL_UNSUPPORTED',
  'OPTION_UNSUPPORTED',
]);

/** Runs a chat until its user leaves, or its input ends. Gives the exit code. */
export async function chat(context: CommandContext, input: CommandInput, { worker }: CommandServices): Promise<number> {
  const { stdin, stdout, stderr, signal, cwd, env, options: globals } = context;
  const flags = await answerFlags(input);
  const style = answerStyle({ json: globals.json, quiet: globals.quiet, ...input.options });
  const isInteractive = stdin.isTTY === true && stdout.isTTY === true && !style.json;

  if (isInteractive && flags.model === undefined && flags.role === undefined) {
    const { needsSetup, offerSetup } = await import('../client/offer-setup.ts');
    // After a no the chat begins all the same, and says what is missing.
    if (await needsSetup(context)) await offerSetup(context, { worker });
  }

  let terminal: ChatTerminal | undefined;
  /** Commentary that must not stand in the middle of an answer or of the line that is edited. */
  function say(line: string): void {
    const clean = sanitizeTerminalText(line);
    if (terminal === undefined || stderr.isTTY !== true) stderr.write(`${clean}\n`);
    else terminal.print(clean);
  }
  let engine: Engine | undefined;
  const client = await openClient({
    cwd,
    env,
    flags,
    worker,
    onEngine: (made) => {
      engine = made;
    },
    warn: (message) => (globals.quiet ? undefined : say(`gemma: ${message}`)),
    log: (message) => (input.options['verbose'] === true ? say(`gemma: ${message}`) : undefined),
  });
  const loading = createLoading(client);
  const pipe = isInteractive ? undefined : readPipedLines(stdin, signal);
  try {
    const { model, system, options, rag, template } = await resolveFlags(flags, { home: globals.home });
    const loaded = await loadConfig({ home: globals.home, cwd, env });
    const remember = input.options['remember'] === false ? false : loaded.config.memory.rememberChats;
    const session = client.openSession({ model, system, options, rag, remember: remember === true });
    const world = chatWorld({
      context,
      style,
      isInteractive,
      asksToRemember: isInteractive && !style.quiet && remember === 'ask',
      session,
      options,
      store: storeOf(context, loaded),
      loading,
      say,
      terminal: () => terminal,
    });
    if (isInteractive) {
      const { openChatTerminal } = await import('./chat-terminal.ts');
      const keepsHistory = loaded.config.ui.history;
      // The home is made, and made private, before something is kept in it.
      if (keepsHistory) await ensureHome(globals.home);
      terminal = await openChatTerminal(context, {
        historyFile: keepsHistory ? join(globals.home, 'chat-history.jsonl') : undefined,
        style,
        figures: input.options['stats'] === true || input.options['usage'] === true,
        verbose: input.options['verbose'] === true,
        world,
        commands: chatCommands,
      });
      if (!style.quiet) say('Type a message. /help lists commands and keys, Ctrl-D leaves.');
      world.prepare();
    }
    /** A message that was typed where something else was asked for. */
    let ahead: string | undefined;
    const next = (): Promise<string | undefined> => {
      if (terminal === undefined) return pipe?.next() ?? Promise.resolve(undefined);
      const line = ahead;
      ahead = undefined;
      return line === undefined ? terminal.read() : terminal.take(line);
    };

    /** Without a terminal: the code of the first answer or command that failed. Somebody at one has seen it. */
    let failure: number | undefined;
    const fail = (code: number): void => {
      if (terminal === undefined) failure ??= code;
    };
    for (;;) {
      const line = await next();
      if (line === undefined) return signal.aborted ? 130 : (failure ?? 0);
      if (line.trim() === '') continue;
      let outcome: CommandOutcome = { type: 'send', text: line };
      if (isChatCommand(line)) {
        try {
          outcome = await runChatCommand(world, line);
        } catch (error) {
          const problem = typedError(error).toJSON();
          say(renderErrorText(problem).trimEnd());
          fail(exitCodeOf(problem));
          continue;
        }
      }
      if (outcome.type === 'leave') return failure ?? 0;
      if (outcome.type === 'stay') {
        if (outcome.exitCode !== undefined) fail(outcome.exitCode);
        continue;
      }
      const question =
        outcome.type === 'send' && template !== undefined
          ? { ...outcome, prompt: fillPromptTemplate(template, outcome.text) }
          : outcome;
      const problem = await answer(question, {
        context,
        world,
        style,
        terminal,
        loading,
        threadsOf: (name) => threadsOf(engine, name),
      });
      if (signal.aborted) return 130;
      if (problem === undefined) {
        const asked = await askOnce(world, { terminal, home: globals.home, signal });
        if (asked.type === 'leave') return signal.aborted ? 130 : (failure ?? 0);
        if (asked.type === 'command' || asked.type === 'message') ahead = asked.line;
        continue;
      }
      fail(exitCodeOf(problem));
      if (endsChat(problem, terminal)) return failure ?? exitCodeOf(problem);
    }
  } finally {
    loading.cancel();
    terminal?.close();
    pipe?.close();
    await client.close();
  }
}

/**
 * After the first answer of the first chat at a terminal: whether chats may be remembered. Who has an answer knows by then
 * what there is to remember, and has waited for nothing. Gives what was typed instead of a yes or no; after a command, the
 * next answer brings the question again.
 */
async function askOnce(
  world: ChatWorld,
  {
    terminal,
    home,
    signal,
  }: { readonly terminal: ChatTerminal | undefined; readonly home: string; readonly signal: AbortSignal },
): Promise<AskedToRemember> {
  if (!world.asksToRemember || terminal === undefined || signal.aborted) return { type: 'answered' };
  world.asksToRemember = false;
  const asked = await askToRemember({
    session: world.session,
    ask: terminal.ask,
    say: world.say,
    store: async (value) => {
      await ensureHome(home);
      await setConfigValue({ file: homeLayout(home).config, key: 'memory.remember_chats', value });
    },
  });
  world.asksToRemember = asked.type === 'command';
  return asked;
}

interface AnswerParts {
  readonly context: CommandContext;
  readonly world: ChatWorld;
  readonly style: AnswerStyle;
  readonly terminal: ChatTerminal | undefined;
  readonly loading: Loading;
  /** How many threads compute an answer of this model now; `undefined` when nobody tells. */
  readonly threadsOf: (model: string) => number | undefined;
}

/** What is asked; `prompt` is its text in the template of the role. */
type Question = Extract<CommandOutcome, { type: 'send' | 'retry' }> & { readonly prompt?: string };

function threadsOf(engine: Engine | undefined, model: string): number | undefined {
  const processes = engine?.status().processes.filter(({ model: name }) => name === model) ?? [];
  // A short answer may be over before its first word is shown.
  return (processes.find(({ state }) => state === 'busy') ?? processes[0])?.threads;
}

/** Asks and shows the answer; a runtime that is missing may be installed in between. Gives what went wrong. */
async function answer(question: Question, parts: AnswerParts): Promise<GemmaErrorJson | undefined> {
  const { context, terminal, style } = parts;
  const problem = await turn(question, parts);
  if (
    problem?.code === 'RUNTIME_NOT_INSTALLED' &&
    !context.signal.aborted &&
    !style.json &&
    context.stdin.isTTY === true &&
    context.stderr.isTTY === true
  ) {
    const { offerRuntime } = await import('../client/offer-runtime.ts');
    // The installation asks on the same terminal: it must be alone there.
    const installed = await (terminal === undefined
      ? offerRuntime(context)
      : terminal.release(() => offerRuntime(context)));
    return installed ? await turn(question, parts) : problem;
  }
  return problem;
}

function endsChat({ code }: GemmaErrorJson, terminal: ChatTerminal | undefined): boolean {
  return finalCodes.has(code) || (terminal === undefined && modelCodes.has(code));
}

/** Shows one answer. Gives what went wrong, after it was shown. */
async function turn(
  question: Question,
  { context, world, style, terminal, loading, threadsOf: threads }: AnswerParts,
): Promise<GemmaErrorJson | undefined> {
  const { stdout, stderr, signal } = context;
  const { session, figures } = world;
  const stop = new AbortController();
  const release = terminal?.onInterrupt(() => stop.abort());
  const renderer = terminal?.startAnswer(loading) ?? createAnswerRenderer(style, { stdout, stderr, cwd: context.cwd });
  const asked = { signal: AbortSignal.any([signal, stop.signal]) };
  let isAnswered = false;
  world.unanswered = undefined;
  try {
    const events: AsyncIterable<AppEvent> =
      question.type === 'send'
        ? session.send(question.prompt ?? question.text, asked)
        : session.retry({ ...question, ...asked });
    for await (const event of events) {
      figures.take(event);
      // While the answer comes: a process that was started for it alone ends with it.
      if (event.type === 'text-delta' && !isAnswered) figures.takeThreads(threads(figures.start?.model.name ?? ''));
      isAnswered ||= event.type === 'text-delta' || (event.type === 'generation-end' && event.reason !== 'aborted');
      await renderer.event(event);
    }
    return undefined;
  } catch (error) {
    const problem = typedError(error).toJSON();
    await renderer.error(problem);
    return problem;
  } finally {
    // What the session does not keep. A retry without a text of its own is kept there: the old turn stays.
    const { type, text } = question;
    if (!isAnswered && text !== undefined) world.unanswered = { type, text };
    terminal?.endAnswer();
    release?.();
  }
}

interface WorldParts {
  readonly context: CommandContext;
  readonly style: AnswerStyle;
  readonly isInteractive: boolean;
  readonly asksToRemember: boolean;
  readonly session: ChatSession;
  readonly options: AnswerOptions;
  readonly store: ModelStore;
  readonly loading: Loading;
  readonly say: (line: string) => void;
  readonly terminal: () => ChatTerminal | undefined;
}

function chatWorld(parts: WorldParts): ChatWorld {
  const { context, style, isInteractive, asksToRemember, session, options, store, loading, say, terminal } = parts;
  const { cwd, env, stdin, stdout, options: globals } = context;
  const hasTerminal = stdin.isTTY === true && stdout.isTTY === true;
  const lacking = hasTerminal && style.json ? 'a chat without --json: stdout is for JSON alone.' : 'a terminal.';
  return {
    session,
    options,
    figures: createFigures(),
    places: { folder: homeLayout(globals.home).sessions, cwd },
    unanswered: undefined,
    asksToRemember,
    get prepared() {
      return loading.model;
    },
    say,
    async models() {
      return (await store.list()).filter(({ embedding, problem }) => !embedding && problem === null);
    },
    fetchModel: isInteractive ? (reference) => fetchModel(context, reference, terminal()) : undefined,
    findModel: (reference) => findModel(store, localPath(cwd, reference)),
    prepare() {
      loading.begin({ model: session.model, options: session.options }, (problem) => {
        // The question itself meets it again, and then it can be mended.
        if (problem.code !== 'RUNTIME_NOT_INSTALLED') say(renderErrorText(problem).trimEnd());
      });
    },
    confirm: async (text) => terminal()?.confirm(text),
    compose: isInteractive ? async (text) => terminal()?.compose(text) : `/edit needs ${lacking}`,
    copy: !isInteractive
      ? `/copy needs ${lacking}`
      : env['TERM'] === 'dumb'
        ? '/copy needs a terminal that takes control sequences, and TERM=dumb says that this one does not. Select the text there, or write the conversation to a file: /save FILE.json'
        : (text) => {
            stdout.write(`\u001B]52;c;${Buffer.from(text).toString('base64')}\u0007`);
          },
    now: () => new Date(),
    seed: () => randomInt(requestDefaults.seedMax),
  };
}

async function findModel(store: ModelStore, reference: string): Promise<ChatModel> {
  const model = await store.find(reference);
  if (model === undefined) {
    throw new GemmaError({
      code: 'MODEL_NOT_FOUND',
      message: `There is no model ${reference}. /model lists those that are installed.`,
      facts: { model: reference },
    });
  }
  return model;
}

/** Fetches a model as `gemma pull` does; Ctrl-C ends that alone. Gives its name. */
async function fetchModel(
  context: CommandContext,
  reference: string,
  terminal: ChatTerminal | undefined,
): Promise<string> {
  const { pullModel } = await import('../commands/pull-command.ts');
  const stop = new AbortController();
  const release = terminal?.onInterrupt(() => stop.abort());
  try {
    const signal = AbortSignal.any([context.signal, stop.signal]);
    const { model } = await pullModel({ ...context, signal }, reference);
    return model.name;
  } finally {
    release?.();
  }
}

/** A model that is being made ready while the user types. */
export interface Loading {
  /** The last model that is ready. */
  readonly model: PreparedModel | undefined;
  /** Name of the model that is being loaded now. */
  readonly pending: string | undefined;
  begin(
    options: { readonly model: string; readonly options: AnswerOptions },
    onProblem: (problem: GemmaErrorJson) => void,
  ): void;
  cancel(): void;
}

/** A file by its name alone; what `auto` means is known only when it is loaded. */
function shortName(model: string): string {
  return model === 'auto' ? 'the model' : basename(model).replace(/\.(?:gguf|sbs)$/i, '');
}

function createLoading(client: Client): Loading {
  let model: PreparedModel | undefined;
  let pending: { readonly name: string; readonly controller: AbortController } | undefined;
  return {
    get model() {
      return model;
    },
    get pending() {
      return pending?.name;
    },
    begin({ model: name, options }, onProblem) {
      pending?.controller.abort();
      const controller = new AbortController();
      const mine = { name: shortName(name), controller };
      pending = mine;
      model = undefined;
      void client
        .prepare({ model: name, options, signal: controller.signal })
        .then(
          (prepared) => {
            if (pending === mine) model = prepared;
          },
          (error: unknown) => {
            if (pending === mine && !controller.signal.aborted) onProblem(typedError(error).toJSON());
          },
        )
        .finally(() => {
          if (pending === mine) pending = undefined;
        });
    },
    cancel() {
      pending?.controller.abort();
      pending = undefined;
    },
  };
}
