import type { AppEvent } from '@gemma-cli/app';
import type { GemmaErrorJson } from '@gemma-cli/contracts';
import type { CommandContext } from '../command.ts';
import type { AnswerStyle } from '../render/answer-renderer.ts';
import { renderErrorText, typedError } from '../render/render-error.ts';
import type { Loading } from './chat.ts';
import type { ChatCommand, ChatWorld } from './chat-commands.ts';
import { createChatRenderer, type ChatRenderer } from './chat-renderer.ts';
import { completeLine } from './completion.ts';
import { composeText } from './compose-text.ts';
import { openHistory } from './history.ts';
import { createLineEditor, type TerminalInput, type TerminalOutput } from './line-editor.ts';
import { listChats } from './saved-chat.ts';
import { createTerminalStyle } from './terminal-style.ts';

/** Shows one answer: what of both renderers a turn needs. */
export interface TurnRenderer {
  event(event: AppEvent): void | Promise<void>;
  error(error: GemmaErrorJson): void | Promise<void>;
}

/** A chat's terminal: the line that is edited, the answer that streams, and what is said in between. */
export interface ChatTerminal {
  /** The next message or command; `undefined` when the user leaves. */
  read(): Promise<string | undefined>;
  /** Writes whole lines: above the line that is edited, or after the answer that streams. */
  print(line: string): void;
  startAnswer(loading: Pick<Loading, 'pending' | 'model'>): TurnRenderer;
  endAnswer(): void;
  /** Registers who stops when Ctrl-C comes during an answer. Gives a function that ends the registration. */
  onInterrupt(stop: () => void): () => void;
  /** Asks for one line, as it was typed; `undefined` when the user leaves. */
  ask(question: string): Promise<string | undefined>;
  /** Takes a line that was typed as a message or command: into the history, without its marks. */
  take(line: string): Promise<string>;
  /** Asks for yes or no; anything but yes is no. */
  confirm(question: string): Promise<boolean>;
  /** Lets the user write in their editor; `undefined` when that failed, which was told. */
  compose(text: string): Promise<string | undefined>;
  /** Runs `work` with the terminal as it was found. */
  release<T>(work: () => Promise<T>): Promise<T>;
  close(): void;
}

/** What {@link openChatTerminal} takes beside the streams. */
export interface ChatTerminalOptions {
  /** `undefined` keeps the history in memory. */
  readonly historyFile: string | undefined;
  readonly style: AnswerStyle;
  /** Shows all numbers of each answer. */
  readonly figures: boolean;
  readonly verbose: boolean;
  readonly world: ChatWorld;
  readonly commands: readonly ChatCommand[];
}

/** Takes the terminal for a chat. */
export async function openChatTerminal(
  context: CommandContext,
  { historyFile, style: answerStyle, figures, verbose, world, commands }: ChatTerminalOptions,
): Promise<ChatTerminal> {
  const { env, stderr, signal, options: globals } = context;
  const stdin: TerminalInput = context.stdin;
  const stdout: TerminalOutput = context.stdout;
  const dumb = env['TERM'] === 'dumb';
  const style = createTerminalStyle(dumb ? 'none' : globals.color ? 'color' : 'plain');
  /** What there is to say before there is a line to say it above. */
  const early: string[] = [];
  let tell = (line: string): void => void early.push(line);
  const history = await openHistory({ file: historyFile, warn: (message) => tell(`gemma: ${message}`) });
  let renderer: ChatRenderer | undefined;

  const editor = createLineEditor({
    stdin,
    stdout,
    history,
    dumb,
    complete: (before) =>
      completeLine(before, {
        commands,
        models: async () => (await world.models()).map(({ name }) => name),
        chats: async () => (await listChats(world.places.folder)).map(({ name }) => name),
      }),
    compose: composeHere,
    isOpen: isOpenMessage,
    suspend: suspendProcess,
    signal,
  });

  tell = print;
  for (const line of early) print(line);

  function print(line: string): void {
    if (renderer === undefined) editor.print(`${line}\n`);
    else renderer.note(line);
  }

  function ask(question: string): Promise<string | undefined> {
    return editor.read({ prompt: `${question} ` });
  }

  async function take(line: string): Promise<string> {
    await history.add(line);
    return unwrapMessage(line);
  }

  async function composeHere(text: string): Promise<string | undefined> {
    try {
      const { openEditor } = await import('../commands/open-editor.ts');
      return await composeText(text, (file) => openEditor(context, file));
    } catch (error) {
      stderr.write(renderErrorText(typedError(error).toJSON()));
      return undefined;
    }
  }

  return {
    async read() {
      const line = await editor.read({ prompt: '> ' });
      return line === undefined ? undefined : take(line);
    },
    ask,
    take,
    print,
    startAnswer(loading) {
      renderer = createChatRenderer({
        stdout,
        stderr,
        style,
        dumb,
        stream: answerStyle.stream,
        quiet: answerStyle.quiet,
        cwd: world.places.cwd,
        stats: figures,
        verbose,
        contextTokens: () => loading.model?.contextTokens ?? null,
        threads: () => world.figures.threads,
        loading: loading.pending,
      });
      return renderer;
    },
    endAnswer() {
      renderer = undefined;
    },
    onInterrupt: editor.onInterrupt,
    async confirm(question) {
      const answer = await ask(`${question} [y/N]`);
      return /^\s*y(?:es)?\s*$/i.test(answer ?? '');
    },
    compose: (text) => editor.release(() => composeHere(text)),
    release: editor.release,
    close: editor.close,
  };
}

/** Whether a message of several lines was begun and not ended: `"""` at its beginning, or as the text of a command. */
export function isOpenMessage(text: string): boolean {
  const opened = /^\s*(?:\/[\w?-]+\s+)?"""/.exec(text)?.[0];
  return opened !== undefined && !text.slice(opened.length).includes('"""');
}

/** A message without the marks around it. A command keeps them: it takes them off its argument. */
export function unwrapMessage(text: string): string {
  const [, inner, after = ''] = /^\s*"""\n?([\s\S]*?)\n?"""([\s\S]*)$/.exec(text) ?? [];
  return inner === undefined ? text : `${inner}${after.trimEnd()}`;
}

/**
 * Stops all that runs in the foreground as the terminal would, until `fg`: what started this process (`npm start`) waits
 * for it, and the shell waits for that. Windows has nothing of the kind; where no shell stands above them, the system
 * stops none of them, and this process goes on at once.
 */
async function suspendProcess(): Promise<void> {
  if (process.platform === 'win32') return;
  process.kill(0, 'SIGTSTP');
  // The signal has arrived before `kill` returns: what follows runs after `fg`.
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
