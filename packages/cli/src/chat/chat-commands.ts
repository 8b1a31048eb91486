import type { AnswerOptions, ChatSession, PreparedModel } from '@gemma-cli/app';
import { errorCodes, GemmaError, isGemmaError, nearestNames } from '@gemma-cli/contracts';
import { formatBytes } from '../commands/print.ts';
import { answerOptionKeys } from '../thin/parse-answer-options.ts';
import { UsageProblem } from '../thin/usage-problem.ts';
import { citationLines } from '../render/render-citations.ts';
import { extractCodeBlock } from '../render/extract-code-block.ts';
import { table } from '../render/render-help.ts';
import type { Figures } from './figures.ts';
import { listChats, loadChat, saveChat, savedChatPath, type SavedChatPlaces } from './saved-chat.ts';
import {
  applySetting,
  describeRange,
  fixedOptions,
  readSettings,
  resetSetting,
  settingKey,
  settings,
  settingValue,
} from './settings.ts';

/** What commands act upon. */
export interface ChatWorld {
  readonly session: ChatSession;
  /** The session's own options, over those of the configuration. */
  options: AnswerOptions;
  readonly figures: Figures;
  readonly places: SavedChatPlaces;
  /** The last question, when it got no answer at all: how it is asked again. Commands that leave it behind forget it. */
  unanswered: UnansweredQuestion | undefined;
  /** The user is asked after this answer whether chats may be remembered. */
  asksToRemember: boolean;
  /** The model that was made ready. */
  readonly prepared: PreparedModel | undefined;
  /** Prints a line that is not the answer. */
  say(line: string): void;
  /** The installed models that can answer. */
  models(): Promise<readonly ChatModel[]>;
  /** Loads the model of the session while the user goes on typing. */
  prepare(): void;
  /** Asks yes or no; `undefined` when nobody can be asked. */
  confirm(question: string): Promise<boolean | undefined>;
  /** Opens the user's editor; or what to tell where that cannot be. */
  readonly compose: ((text: string) => Promise<string | undefined>) | string;
  /** Puts a text on the clipboard of the terminal; or what to tell where that cannot be. */
  readonly copy: ((text: string) => void) | string;
  /** Fetches a model and gives its name; `undefined` when nobody can be asked. Throws what a pull throws. */
  readonly fetchModel: ((reference: string) => Promise<string>) | undefined;
  /** A model by name or path. Throws `MODEL_NOT_FOUND`. */
  findModel(reference: string): Promise<ChatModel>;
  readonly now: () => Date;
  /** Seed of a new choice. */
  readonly seed: () => number;
}

/** A question of which the session knows nothing: a new one, or one that was to take the place of the last. */
export interface UnansweredQuestion {
  readonly type: 'send' | 'retry';
  readonly text: string;
}

/** A model as `/model` shows it. */
export interface ChatModel {
  readonly name: string;
  readonly path: string;
  readonly chat: boolean;
}

/** What happens after a command. */
export type CommandOutcome =
  | {
      readonly type: 'stay';
      /** Code of a command that could not be done. Absent = it was. */
      readonly exitCode?: number;
    }
  | { readonly type: 'leave' }
  /** Says this. */
  | { readonly type: 'send'; readonly text: string }
  /** Asks the last question again: this text in its place, or with this seed. */
  | { readonly type: 'retry'; readonly text?: string; readonly seed?: number };

/** A command of the chat: help, completion and documentation are made from it. */
export interface ChatCommand {
  /** With its slash. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** What may follow, as help shows it. */
  readonly argument?: string;
  readonly summary: string;
  /** What its argument is completed from. */
  readonly completes?: 'model' | 'chat' | 'setting' | 'command';
  run(world: ChatWorld, argument: string): CommandOutcome | Promise<CommandOutcome>;
}

const stay: CommandOutcome = { type: 'stay' };

/** It was told why the command could not be done. */
const misused: CommandOutcome = { type: 'stay', exitCode: errorCodes.USAGE.exitCode };

/** Every command, in the order of the help. */
export const chatCommands: readonly ChatCommand[] = [
  {
    name: '/help',
    aliases: ['/?'],
    argument: '[COMMAND]',
    summary: 'show commands and keys',
    completes: 'command',
    run(world, argument) {
      const name = argument === '' ? undefined : `/${argument.replace(/^\//, '')}`;
      const command = name === undefined ? undefined : findChatCommand(name);
      if (name !== undefined && command === undefined) return unknownCommand(world, name);
      world.say((command === undefined ? renderChatHelp() : columns([commandRow(command)])).join('\n'));
      return stay;
    },
  },
  {
    name: '/model',
    argument: '[NAME|FILE]',
    summary: 'show the installed models, or go on with another one, which may be fetched',
    completes: 'model',
    run: (world, argument) => (argument === '' ? showModels(world) : changeModel(world, argument)),
  },
  {
    name: '/system',
    argument: '[TEXT|none]',
    summary: 'show, replace or remove the system text; """ … """ for several lines',
    run(world, argument) {
      if (argument === '') world.say(world.session.system ?? 'There is no system text.');
      else setSystem(world, argument);
      return stay;
    },
  },
  {
    name: '/set',
    aliases: ['/settings', '/config'],
    argument: '[KEY [VALUE|default]]',
    summary: 'show or change how answers are made',
    completes: 'setting',
    run: set,
  },
  {
    name: '/show',
    aliases: ['/info'],
    argument: '[system|history]',
    summary: 'show model, engine, context and options; the system text; what was said',
    run: show,
  },
  {
    name: '/stats',
    aliases: ['/status'],
    summary: 'tokens and times of the last answer and of the conversation',
    run({ figures, session, say }) {
      say(figures.render(session.messages.length).join('\n'));
      return stay;
    },
  },
  {
    name: '/sources',
    summary: 'where the sentences of the last answer come from, and whether that was checked',
    run({ figures, places, say }) {
      const lines = citationLines(figures.citations, places.cwd);
      say(lines.length === 0 ? 'The last answer used no passages.' : lines.join('\n'));
      return stay;
    },
  },
  {
    name: '/rag',
    argument: '[auto|on|off]',
    summary: 'show or set whether answers use what is remembered',
    run({ session, say }, argument) {
      if (argument === '') {
        say(`rag ${session.rag ?? 'as rag.mode of the configuration says'}`);
        return stay;
      }
      if (argument !== 'auto' && argument !== 'on' && argument !== 'off') {
        say(`Expected auto, on or off after /rag, got ${argument}.`);
        return misused;
      }
      session.setRag(argument);
      return stay;
    },
  },
  {
    name: '/remember',
    argument: '[on|off|forget]',
    summary: 'show or set whether this conversation is remembered, or forget what is',
    run: remember,
  },
  {
    name: '/retry',
    aliases: ['/regenerate'],
    summary: 'ask the last question again, with another seed',
    run({ unanswered, session, figures, say, seed }) {
      if (unanswered !== undefined) return unanswered;
      // gemma.cpp takes no seed, and chooses anew each time.
      const takesSeed = figures.start?.engine.runtime !== 'gemma.cpp';
      if (session.messages.length > 0) return { type: 'retry', ...(takesSeed ? { seed: seed() } : {}) };
      say('Nothing was asked yet.');
      return stay;
    },
  },
  {
    name: '/edit',
    summary: 'change the last question in $VISUAL or $EDITOR and ask it again',
    run: edit,
  },
  {
    name: '/undo',
    summary: 'take the last question and its answer back',
    run(world) {
      const { session, unanswered, say } = world;
      if (unanswered !== undefined) {
        world.unanswered = undefined;
        say(`Taken back: ${oneLine(unanswered.text)}`);
        return stay;
      }
      const [question] = session.undo();
      say(question === undefined ? 'Nothing was said yet.' : `Taken back: ${oneLine(question.content)}`);
      return stay;
    },
  },
  {
    name: '/clear',
    aliases: ['/new', '/reset'],
    summary: 'forget the conversation; the system text stays',
    run(world) {
      const { session, say } = world;
      session.clear();
      world.unanswered = undefined;
      say(
        session.remembers
          ? 'Another conversation begins. What was remembered of the last one stays.'
          : 'The conversation is forgotten.',
      );
      return stay;
    },
  },
  {
    name: '/save',
    argument: '[NAME|FILE] [--force]',
    summary: 'save the conversation; without a name, under the time',
    completes: 'chat',
    run: save,
  },
  {
    name: '/load',
    argument: 'NAME|FILE',
    summary: 'go on with a saved conversation',
    completes: 'chat',
    run: load,
  },
  {
    name: '/list',
    aliases: ['/sessions'],
    summary: 'list the saved conversations',
    async run({ places, say }) {
      const chats = await listChats(places.folder);
      const lines = chats.map(
        ({ name, savedMs }) => `${new Date(savedMs).toISOString().slice(0, 16).replace('T', ' ')}  ${name}`,
      );
      say(lines.length === 0 ? 'Nothing was saved yet. /save NAME saves this conversation.' : lines.join('\n'));
      return stay;
    },
  },
  {
    name: '/copy',
    argument: '[code|all]',
    summary: 'copy the last answer, its last code block, or the conversation',
    run: copy,
  },
  {
    name: '/bye',
    aliases: ['/exit', '/quit'],
    summary: 'leave',
    run: () => ({ type: 'leave' }),
  },
];

const inShell = (command: string): string => `It was a command of the Python program. In a shell: \`${command}\`.`;

/** What users of the Python and C++ programs may type, and what stands for it now. */
const elsewhere: Readonly<Record<string, string>> = {
  '/store': inShell('gemma memory add TEXT'),
  '/recall': inShell('gemma recall TEXT'),
  '/search': inShell('gemma search TEXT'),
  '/ingest': inShell('gemma ingest FILE'),
  '/memory_stats': inShell('gemma memory stats'),
  '/cleanup': inShell('gemma memory consolidate'),
  '/consolidate': inShell('gemma memory consolidate'),
  '/tools': 'This chat calls no tools.',
  '/backend': 'What computes is chosen at the start: `gemma chat --engine NAME`. /show tells which one answers.',
  '/benchmark': 'Benchmarks are a command of their own: `gemma bench`.',
};

/** The command of a name or alias. */
function findChatCommand(name: string): ChatCommand | undefined {
  return chatCommands.find((command) => command.name === name || command.aliases?.includes(name) === true);
}

/** Whether a line is a command: a slash and a word. A path at the beginning of a message is none. */
export function isChatCommand(line: string): boolean {
  return /^\/(?:[\w?-]+)?(?:\s|$)/.test(line);
}

/**
 * Runs a line that is a command.
 *
 * @throws UsageProblem, GemmaError: what is wrong with its argument.
 */
export async function runChatCommand(world: ChatWorld, line: string): Promise<CommandOutcome> {
  const [, name = '', rest = ''] = /^(\/\S*)\s*([\s\S]*)$/.exec(line) ?? [];
  const argument = rest.trim();
  // The C++ program grouped them: /session save NAME.
  const session = name === '/session' ? /^(save|load|clear)\b\s*([\s\S]*)$/.exec(argument) : null;
  const command = findChatCommand(session === null ? name : `/${session[1]}`);
  if (command === undefined) return unknownCommand(world, name);
  return command.run(world, session === null ? argument : (session[2] ?? ''));
}

/** Lines of `/help`. */
export function renderChatHelp(): readonly string[] {
  return [
    ...columns(chatCommands.map(commandRow)),
    '',
    ...columns(chatKeys),
    '',
    'Begin a line with a space to keep it out of the history,',
    'or to send text that begins with a slash.',
  ];
}

/** A command as help shows it: what is typed, and what it does. */
export function commandRow({ name, aliases, argument, summary }: ChatCommand): readonly [string, string] {
  return [
    argument === undefined ? name : `${name} ${argument}`,
    aliases === undefined ? summary : `${summary}; also ${aliases.join(', ')}`,
  ];
}

/** Two columns for the narrowest terminal that is usual. */
function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  return table(rows, 78);
}

/** Keys and what they do: for `/help` and the documentation. */
export const chatKeys: readonly (readonly [string, string])[] = [
  ['Ctrl-C', 'stop the answer, keep what came; on a line, clear it; twice on an empty line, leave'],
  [
    'Ctrl-D',
    'on an empty line, leave; otherwise delete the character under the cursor; during an answer, stop it and leave',
  ],
  ['""" … """', 'a message of several lines'],
  ['Alt-Enter, Ctrl-J', 'a new line; Shift-Enter too, where the terminal tells it from Enter'],
  ['Ctrl-G', 'write the message in $VISUAL or $EDITOR'],
  ['Up, Down', 'lines of the message, then messages before and after; also Ctrl-P, Ctrl-N'],
  [
    'Ctrl-R',
    'search the messages before; again for older ones, Ctrl-S for newer, Esc to take it over, Ctrl-G to go back',
  ],
  ['Tab', 'complete commands, and models, settings or saved conversations after them'],
  ['Ctrl-A, Ctrl-E', 'beginning and end of the line; also Home, End'],
  ['Alt-B, Alt-F', 'a word back and forth; also Ctrl-Left, Ctrl-Right'],
  ['Ctrl-W, Alt-D', 'delete the word before, the word after; Alt-Backspace stops at marks'],
  ['Ctrl-U, Ctrl-K', 'delete to the beginning, to the end of the line'],
  ['Ctrl-Y', 'bring back what Ctrl-W, Ctrl-U, Ctrl-K took'],
  ['Ctrl-L', 'clear the screen'],
  ['Ctrl-Z', 'suspend; `fg` comes back'],
];

function unknownCommand({ say }: ChatWorld, name: string): CommandOutcome {
  const other = elsewhere[name];
  if (other !== undefined) {
    say(`There is no command ${JSON.stringify(name)}. ${other}`);
    return misused;
  }
  const names = chatCommands
    .flatMap((known) => [known.name, ...(known.aliases ?? [])])
    .filter((known) => known !== '/?');
  const [nearest] = nearestNames(
    name.slice(1),
    names.map((known) => known.slice(1)),
    1,
  );
  const hint = nearest === undefined ? '/help lists them;' : `Did you mean /${nearest}? /help lists them;`;
  say(`There is no command ${JSON.stringify(name)}. ${hint} begin with a space to send it as text.`);
  return misused;
}

async function showModels({ session, models, say }: ChatWorld): Promise<CommandOutcome> {
  const installed = await models();
  const lines = installed.map(
    ({ name, chat }) => `${name === session.model ? '* ' : '  '}${name}${chat ? '' : ' (continues text)'}`,
  );
  say([`The model is ${session.model}.`, ...lines].join('\n'));
  return stay;
}

async function changeModel(world: ChatWorld, reference: string): Promise<CommandOutcome> {
  const found = await findOrFetch(world, reference);
  if (found === undefined) return misused;
  const { name, path } = found;
  world.session.setModel(path);
  world.say(`The next answer comes from ${name}.`);
  world.prepare();
  return stay;
}

/** The model of a reference; one that is not there may be fetched. `undefined` = the user did not want that, as was told. */
async function findOrFetch(world: ChatWorld, reference: string): Promise<ChatModel | undefined> {
  const { session, findModel, fetchModel, confirm, say } = world;
  const isSource = /^(?:https?:\/\/|hf:|pip:)/i.test(reference);
  let problem: GemmaError;
  try {
    if (!isSource) return await findModel(reference);
    problem = new GemmaError({
      code: 'MODEL_NOT_FOUND',
      message: `${reference} is not the name of an installed model. Run gemma pull ${reference}, then /model NAME.`,
      facts: { model: reference },
    });
  } catch (error) {
    // One that is installed and damaged is not mended by asking for it.
    if (!isGemmaError(error) || error.code !== 'MODEL_NOT_FOUND' || error.facts['problem'] !== undefined) throw error;
    problem = error;
  }
  // Loaded here: help needs none of it.
  const { findInCatalog } = await import('@gemma-cli/models');
  const entry = isSource ? undefined : findInCatalog(reference);
  if (fetchModel === undefined || (!isSource && (entry === undefined || entry.kind === 'embedding'))) throw problem;
  const wanted = entry?.name ?? reference;
  const question =
    entry === undefined
      ? `${reference} is not the name of an installed model. Fetch it now?`
      : `${wanted} is not installed. Fetch it now, about ${formatBytes(entry.sizeBytes)}?`;
  if ((await confirm(question)) === true) return findModel(await fetchModel(wanted));
  say(`Not fetched: ${session.model} goes on. \`gemma pull ${wanted}\` fetches it later.`);
  return undefined;
}

function setSystem({ session, say }: ChatWorld, argument: string): void {
  const text = unquote(argument);
  const isNone = argument === 'none' || text === '';
  session.setSystem(isNone ? undefined : text);
  say(isNone ? 'The system text is removed.' : 'The system text counts from the next answer on.');
}

function set(world: ChatWorld, argument: string): CommandOutcome {
  // Ollama's users say `/set parameter KEY VALUE`.
  const plain = argument.replace(/^parameter(?:\s+|$)/, '');
  const [, name = '', value = ''] = /^([^\s=]*)(?:\s*=\s*|\s+)?([\s\S]*)$/.exec(plain) ?? [];
  const { session, say } = world;
  if (name === '') {
    say(columns(Object.keys(answerOptionKeys).map((key) => settingRow(session, key))).join('\n'));
    return stay;
  }
  if (name === 'system') {
    setSystem(world, value);
    return stay;
  }
  const key = settingKey(name);
  if (value === '') {
    if (settings[key] === undefined) applySetting(world.options, key, value);
    say(columns([settingRow(session, key)]).join('\n'));
    return stay;
  }
  world.options =
    value === 'default' ? resetSetting(world.options, key) : applySetting(world.options, key, unquote(value));
  session.setOptions(world.options);
  const now = settingValue(session.options, key);
  say(`${key} = ${now ?? settings[key]?.builtIn ?? 'default'}`);
  if (key === 'contextTokens') world.prepare();
  return stay;
}

function settingRow(session: ChatSession, key: string): [string, string] {
  const { builtIn = '', summary = '' } = settings[key] ?? {};
  const value = settingValue(session.options, key);
  return [
    `${key} = ${value ?? builtIn}`,
    `${describeRange(key)}: ${summary}${value === undefined ? '' : ` (default ${builtIn})`}`,
  ];
}

function show(world: ChatWorld, argument: string): CommandOutcome {
  const { session, figures, prepared, say } = world;
  if (argument === 'system') {
    say(session.system ?? 'There is no system text.');
    return stay;
  }
  if (argument === 'history') {
    const said = session.messages.map(
      ({ role, content, partial }) => `${role}${partial === true ? ' (stopped)' : ''}: ${content}`,
    );
    say(said.length === 0 ? 'Nothing was said yet.' : said.join('\n\n'));
    return stay;
  }
  if (argument !== '')
    throw new UsageProblem(`Expected /show, /show system or /show history, got ${JSON.stringify(argument)}.`);
  const start = figures.last?.start;
  const set_ = Object.keys(answerOptionKeys).flatMap((key) => {
    const value = settingValue(session.options, key);
    return value === undefined ? [] : [`${key} = ${value}`];
  });
  const context = prepared?.contextTokens;
  const rows: [string, string][] = [
    ['model', prepared === undefined ? session.model : prepared.name],
    ...(prepared === undefined ? [] : [['file', prepared.path] as [string, string]]),
    ...(prepared === undefined
      ? []
      : [['mode', prepared.mode === 'chat' ? 'chat' : 'completion: it continues the text'] as [string, string]]),
    ...(start === undefined
      ? []
      : [['engine', `${start.engine.active} (${start.engine.runtime})`] as [string, string]]),
    ...(context === undefined || context === null ? [] : [['context', `${context} tokens`] as [string, string]]),
    ['system', session.system === undefined ? 'none' : oneLine(session.system)],
    ['options', set_.length === 0 ? 'defaults; /set shows them' : set_.join(', ')],
    ['messages', String(session.messages.length)],
  ];
  say(columns(rows).join('\n'));
  return stay;
}

async function remember(world: ChatWorld, argument: string): Promise<CommandOutcome> {
  const { session, say } = world;
  switch (argument) {
    case '':
      break;
    case 'on':
    case 'off':
      // Who says it here need not be asked.
      world.asksToRemember = false;
      session.setRemember(argument === 'on');
      break;
    case 'forget': {
      world.asksToRemember = false;
      const rows = await session.forgetRemembered();
      say(`${rows} ${rows === 1 ? 'row is' : 'rows are'} forgotten for good.`);
      break;
    }
    default:
      say(`Expected on, off or forget after /remember, got ${argument}.`);
      return misused;
  }
  say(
    session.remembers
      ? 'This conversation is remembered; `gemma memory list --tag chat` shows what is.'
      : 'What is said here from now on is not remembered.',
  );
  return stay;
}

async function edit({ session, unanswered, compose, say }: ChatWorld): Promise<CommandOutcome> {
  if (typeof compose === 'string') {
    say(compose);
    return misused;
  }
  const asked = session.messages.at(-2)?.content;
  const before = unanswered?.text ?? asked ?? '';
  const text = await compose(before);
  if (text === undefined || text.trim() === '' || text === before) {
    say('Nothing was changed.');
    return stay;
  }
  return { type: unanswered?.type ?? (asked === undefined ? 'send' : 'retry'), text };
}

async function save(world: ChatWorld, argument: string): Promise<CommandOutcome> {
  const { session, options, places, say, now, prepared } = world;
  const force = /(?:^|\s)--force$/.test(argument);
  const name = argument.replace(/(?:^|\s+)--force$/, '');
  if (session.messages.length === 0) {
    say('Nothing was said yet.');
    return stay;
  }
  const path = savedChatPath(name === '' ? timeName(now()) : unquote(name), places);
  const chat = {
    format: 'gemma-chat',
    version: 1,
    savedAt: now().toISOString(),
    model: prepared?.name ?? session.model,
    system: session.system ?? null,
    options,
    messages: session.messages,
  } as const;
  if (await saveChat(path, chat, { force })) {
    say(`Saved as ${path}.`);
    return stay;
  }
  const answer = await world.confirm(`${path} is there already. Replace it?`);
  if (answer === true) {
    await saveChat(path, chat, { force: true });
    say(`Saved as ${path}.`);
    return stay;
  }
  say(answer === false ? 'Not saved.' : `Not saved: ${path} is there already. Add --force to replace it.`);
  return misused;
}

async function load(world: ChatWorld, argument: string): Promise<CommandOutcome> {
  if (argument === '') throw new UsageProblem('Expected /load NAME or /load FILE; /list shows what was saved.');
  const { session, say } = world;
  const chat = await loadChat(savedChatPath(unquote(argument), world.places));
  session.restore(chat.messages);
  world.unanswered = undefined;
  session.setSystem(chat.system ?? undefined);
  const { options, refused } = readSettings(chat.options);
  world.options = { ...fixedOptions(world.options), ...options };
  session.setOptions(world.options);
  const turns = `${chat.messages.length} messages`;
  if (chat.model === session.model || chat.model === world.prepared?.name) say(`Loaded ${turns}.`);
  else {
    const model = await savedModel(world, chat.model);
    if (model === 'path') {
      say(`Loaded ${turns}. The file was said with ${JSON.stringify(chat.model)}; choose it with /model.`);
    } else if (model === undefined)
      say(`Loaded ${turns}. They are of ${chat.model}, which is not installed: ${session.model} goes on.`);
    else {
      session.setModel(model.path);
      say(`Loaded ${turns}; ${model.name} goes on.`);
    }
  }
  if (refused.length > 0) say(`Not taken over from the file: ${refused.join(', ')}.`);
  world.prepare();
  return stay;
}

/** The installed model that a conversation names. A path is the user's to choose: the file may come from anybody. */
async function savedModel(world: ChatWorld, reference: string): Promise<ChatModel | 'path' | undefined> {
  const installed = (await world.models()).find(({ name }) => name === reference);
  if (installed !== undefined) return installed;
  if (/[\\/]|\.(?:gguf|sbs)$/i.test(reference)) return 'path';
  return world.findModel(reference).catch(() => undefined);
}

function copy({ session, copy: put, say }: ChatWorld, argument: string): CommandOutcome {
  if (typeof put === 'string') {
    say(put);
    return misused;
  }
  const last = session.messages.at(-1)?.content;
  const text =
    argument === 'all'
      ? session.messages.map(({ role, content }) => `${role === 'user' ? 'You' : 'Model'}: ${content}`).join('\n\n')
      : argument === 'code'
        ? // Whoever pastes it into a shell decides when it runs.
          extractCodeBlock(last ?? '', 'last')?.replace(/\n$/, '')
        : last;
  if (argument !== '' && argument !== 'all' && argument !== 'code')
    throw new UsageProblem(`Expected /copy, /copy code or /copy all, got ${JSON.stringify(argument)}.`);
  if (text === undefined || text === '') {
    say(argument === 'code' ? 'The last answer has no code block.' : 'Nothing was said yet.');
    return stay;
  }
  put(text);
  say(`Copied ${Array.from(text).length} characters, if the terminal allows it (OSC 52).`);
  return stay;
}

/** Takes `"""` or quotes off a value. */
function unquote(text: string): string {
  const block = /^"""\n?([\s\S]*?)\n?(?:""")?$/.exec(text)?.[1];
  if (block !== undefined) return block;
  return /^"[^"]*"$/.test(text) ? text.slice(1, -1) : text;
}

function timeName(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `chat_${day}_${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}
